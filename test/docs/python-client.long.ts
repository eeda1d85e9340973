// test-limit-ms: 600000
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { IMPORTED_THIRD_PARTY_PROTOS, writeThirdPartyProtos } from "../../src/codegen/third-party.ts";
import { writeCredentials } from "../../src/signing/key-ring/credentials.ts";
import { suiteWith } from "../interop/toolchain.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert } from "../support/suite.ts";
import { type CodeBlock, codeBlocks } from "./code-blocks.ts";

/* The client in docs/protocol-languages.md, taken from the page as it stands, on Python with PyPI's grpcio. */
const test = suiteWith(["python3"], "docs/python-client");

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
const blocks = codeBlocks(readFileSync(join(root, "docs", "protocol-languages.md"), "utf8"));

let folder: string;
let server: TestServer;

function blockOf(language: string): CodeBlock {
  const found = blocks.filter((block) => block.headings.at(-1) === "Python" && block.language === language);
  const [block] = found;
  if (block === undefined || found.length > 1) throw new Error(`expected one ${language} block, found ${found.length}`);
  return block;
}

/** Runs Python in the folder; stdout without its last line break. */
async function python(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(join(folder, "venv", "bin", "python3"), args, { cwd: folder });
  return stdout.trimEnd();
}

/** Runs a script that has the page's client as `client`. */
function withClient(script: string): Promise<string> {
  return python("-c", `from client import *\nclient = Client("client.json")\n${script}`);
}

test.before(async () => {
  folder = mkdtempSync(join(tmpdir(), "sealwire-python-"));
  await run("python3", ["-m", "venv", join(folder, "venv")]);
  await python("-m", "pip", "install", "--quiet", "grpcio", "grpcio-tools", "grpcio-status");
  cpSync(join(root, "proto"), join(folder, "proto"), { recursive: true });
  writeThirdPartyProtos(join(folder, "dist", "proto"), IMPORTED_THIRD_PARTY_PROTOS);
  mkdirSync(join(folder, "raw"));
  writeFileSync(join(folder, "raw", "frame.proto"), blockOf("proto").text);
  writeFileSync(join(folder, "client.py"), blockOf("python").text);
  const env = { ...process.env, PATH: `${join(folder, "venv", "bin")}:${process.env.PATH}` };
  await run("sh", ["-euc", blockOf("sh").text], { cwd: folder, env });
  server = await startServer();
  await writeCredentials(join(folder, "client.json"), server.credentials());
});

test.after(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

test("the client calls a tool and verifies the answer", async () => {
  assert.is(await python("client.py", "client.json"), "3 6.5");
});

test("10,000 bad numbers come back as a signed refusal with 16 violations", async () => {
  const script = `
nan = float("nan")
error = client.call("batch_sum", batch_sum_pb2.BatchSumRequest(numbers=[nan] * 10000)).error
print(error.reason, len(error.violations), error.violations_omitted, error.violations[3].field)`;
  assert.is(await withClient(script), "10 16 9984 numbers[3]");
});

test("an answer with one flipped bit, and one to another request, are not believed", async () => {
  const script = `
send = client.send
replies = []
def flip(request, timeout):
    reply = send(request, timeout=timeout)
    replies.append(reply)
    return Frame(content=reply.content[:-1] + bytes([reply.content[-1] ^ 1]), key_id=reply.key_id, signature=reply.signature)
def repeat(request, timeout):
    return replies[0]
for forged in [flip, repeat]:
    client.send = forged
    try:
        client.call("batch_sum", batch_sum_pb2.BatchSumRequest(numbers=[1]), request_id="same")
        print("believed")
    except ValueError as error:
        print(error)`;
  const refused = "the answer is not signed for this request";
  assert.equal((await withClient(script)).split("\n"), [refused, refused]);
});

test("an unsigned refusal stays unverified", async () => {
  const script = `
client.who["request_key"] = client.who["response_key"]
try:
    client.call("batch_sum", batch_sum_pb2.BatchSumRequest(numbers=[1]))
except grpc.RpcError as error:
    print(error.code().name)`;
  assert.is(await withClient(script), "UNAUTHENTICATED");
});

test("a job is followed to its end over a stream, each message verified", async () => {
  const script = `
from sealwire.demo.v1 import start_long_task_pb2
from sealwire.system.v1 import watch_job_pb2
request = start_long_task_pb2.StartLongTaskRequest(seconds=1)
request.payload.update({"name": "süß"})
job = client.call("start_long_task", request).job
WATCH = "/sealwire.v1.ToolService/WatchJob"
CALL = WATCH
watch = client.channel.unary_stream(WATCH, Frame.SerializeToString, Frame.FromString)
envelope = envelope_pb2.Envelope(v="mcp/0.1", request_id="watch", ts_ms=int(time.time() * 1000),
    client_id=client.who["client_id"], server_id=client.who["server_id"], tool="watch_job", nonce=os.urandom(16))
envelope.args.Pack(watch_job_pb2.WatchJobRequest(job_id=job.job_id))
content = envelope.SerializeToString()
signature = hmac.digest(read_key(client.who["request_key"]), pae("request", WATCH, client.who["key_id"], content), hashlib.sha256)
result = watch_job_pb2.WatchJobResponse()
sequence = revision = 0
for frame in watch(Frame(content=content, key_id=client.who["key_id"], signature=signature)):
    sequence += 1
    response = client.verify(frame, "watch", signature, sequence)
    assert response.result.Unpack(result) and result.job.revision >= revision
    revision = result.job.revision
output = start_long_task_pb2.StartLongTaskResponse()
assert result.output.Unpack(output)
print(result.job.state, response.status, output.payload["name"])`;
  assert.is(await withClient(script), "3 4 süß");
});

test.run();

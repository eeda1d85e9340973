// test-limit-ms: 900000
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliServer, sealwire } from "../cli/cli-process.ts";
import type { Ended } from "../cli/cli-run.ts";
import { assert } from "../support/suite.ts";
import { goTool } from "./go-tool.ts";
import { InteropServer } from "./interop-server.ts";
import { paste } from "./shell.ts";
import { suiteWith } from "./toolchain.ts";

const test = suiteWith(["go", "openssl"], "interop/grpcurl");

const DESCRIPTORS = join(import.meta.dirname, "..", "..", "gen", "descriptors.binpb");
const CALL = "sealwire.v1.ToolService/Call";
const PAYLOAD = { "it's": '$HOME `ls` "x" \\', "süß 🦭": [null, true, { e: "e\u0301" }], "": -1.5 };

let bin: string;
let server: InteropServer;
let credentials: string;

test.before(async () => {
  bin = await goTool("grpcurl");
  server = await InteropServer.start();
  credentials = await server.addClient("grpcurl");
});
test.after(() => server?.[Symbol.asyncDispose]());

/** What `sealwire sign` prints. */
async function signed(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await sealwire(["sign", ...args, "--credentials", credentials], {
    cwd: server.folder,
  });
  assert.is(code, 0, stderr);
  return stdout;
}

const pasted = (command: string) => paste(command, { cwd: server.folder, path: [bin] });

async function answer(ended: Promise<Ended>) {
  const { code, stdout, stderr } = await ended;
  assert.is(code, 0, stderr);
  return JSON.parse(stdout).response;
}

test("the command that sign prints works as it is", async () => {
  const response = await answer(pasted(await signed("batch_sum", '{"numbers": [1, 2, 3.5]}', "--grpcurl")));
  assert.equal([response.ok, response.status, response.result.total], [true, "STATUS_OK", 6.5]);
});

test("text that means something to a shell, other alphabets and maps arrive as they were signed", async () => {
  const args = {
    payload: PAYLOAD,
    names: { "-1": "b", "10": "a" },
    number: "-9223372036854775808",
    ratio: "-Infinity",
    data: "AP8=",
  };
  const { result } = await answer(pasted(await signed("echo", JSON.stringify(args), "--grpcurl")));
  assert.equal(result, { "@type": "type.googleapis.com/interop.v1.EchoResponse", ...args });
});

test("a request too long for an argument is piped", async () => {
  const text = "x".repeat(300_000);
  await writeFile(join(server.folder, "args.json"), JSON.stringify({ text }));
  const command = await signed("echo", "@args.json", "--grpcurl");
  assert.match(command, /^printf /);
  assert.is((await answer(pasted(command))).result.text, text);
});

test("without reflection the published descriptor set is enough", async () => {
  await using silent = await startServer("--no-reflection");
  const { stdout } = await silent.run("sign", "batch_sum", '{"numbers": [1, -0.0]}');
  const address = silent.ready.listening;
  await writeFile(join(server.folder, "request.json"), stdout);
  const call = (...flags: string[]) =>
    pasted(`grpcurl -plaintext ${flags.join(" ")} -d @ ${address} ${CALL} < request.json`);
  assert.match((await call()).stderr, "does not support the reflection API");
  assert.equal((await answer(call("-protoset", DESCRIPTORS))).result.count, 2);
});

test("a job is started and watched to its end", async () => {
  const { job } = await answer(pasted(await signed("start_long_task", '{"seconds": 1}', "--grpcurl")));
  const watch = await pasted(await signed("watch_job", JSON.stringify({ jobId: job.jobId }), "--grpcurl"));
  assert.is(watch.code, 0, watch.stderr);
  assert.match(watch.stdout, '"status": "STATUS_DONE"');
});

test("a refusal is shown with its details in plain words", async () => {
  const { code, stderr } = await pasted(await signed("batch_sum", '{"numbers": [1, "Infinity"]}', "--grpcurl"));
  assert.is(code, 64 + 3);
  assert.match(stderr, "Code: InvalidArgument");
  const details = resolvedDetails(stderr);
  const signedFrame = details.get("sealwire.v1.CallResponse")?.response as { error: unknown };
  const [message, field, ruleId] = ["must be finite", "numbers[1]", "double.finite"];
  assert.equal(signedFrame.error, {
    code: "INVALID_ARGUMENT",
    reason: "ERROR_REASON_ARGS_INVALID",
    message: `The arguments are not a valid sealwire.demo.v1.BatchSumRequest: ${field}: ${message}.`,
    violations: [{ field, ruleId, message }],
  });
  assert.equal(details.get("google.rpc.ErrorInfo"), { domain: "sealwire", reason: "ARGS_INVALID" });
  assert.equal(details.get("google.rpc.BadRequest"), {
    fieldViolations: [{ field, description: message, reason: ruleId }],
  });
});

test("a command pasted twice is refused the second time", async () => {
  const command = await signed("batch_sum", '{"numbers": [1]}', "--grpcurl");
  assert.is((await pasted(command)).code, 0);
  const { code, stderr } = await pasted(command);
  assert.is(code, 64 + 6);
  assert.equal(resolvedDetails(stderr).get("google.rpc.ErrorInfo"), { domain: "sealwire", reason: "REPLAYED" });
});

test("a wrong signature is refused without details", async () => {
  const command = await signed("batch_sum", '{"numbers": [1]}', "--grpcurl");
  const { code, stderr } = await pasted(command.replace('"numbers":[1]', '"numbers":[2]'));
  assert.is(code, 64 + 16);
  assert.equal([...resolvedDetails(stderr).keys()], ["google.rpc.ErrorInfo"]);
});

test("the contract with its comments can be read by reflection", async () => {
  const described = await pasted(`grpcurl -plaintext ${server.address} describe sealwire.demo.v1.DemoToolService`);
  assert.match(described.stdout, "// Adds up a list of numbers.");
  assert.match(described.stdout, "execution_timeout: { seconds: 60 }");
  const { stdout } = await pasted(`grpcurl -plaintext ${server.address} list`);
  assert.equal(stdout.trimEnd().split("\n"), [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "sealwire.v1.ToolService",
  ]);
});

test("the command works over a Unix socket", async () => {
  await using local = await startServer("--listen", "unix:server.sock");
  const { stdout } = await local.run("sign", "batch_sum", '{"numbers": [4]}', "--grpcurl");
  const response = await answer(paste(stdout, { cwd: local.folder, path: [bin] }));
  assert.is(response.result.total, 4);
});

test("the command works over TLS", async () => {
  await using folder = await temporaryFolder();
  const [certificate, key] = [join(folder.path, "server.pem"), join(folder.path, "server.key")];
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=server"];
  const files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate];
  execFileSync("openssl", [...request, ...files], { stdio: "pipe" });
  await using secure = await startServer("--tls-cert", certificate, "--tls-key", key);
  const { stdout } = await secure.run("sign", "batch_sum", '{"numbers": [5]}', "--grpcurl", "--tls-ca", certificate);
  assert.is((await answer(pasted(stdout))).result.total, 5);
});

/** The details that grpcurl prints under an error, by type. */
function resolvedDetails(stderr: string): Map<string, Record<string, unknown>> {
  const [, list = ""] = stderr.split("Details:\n");
  const texts = list.split(/^ {2}\d+\)\t/m).filter((text) => text.trim() !== "");
  return new Map(
    texts.map((text) => {
      const { "@type": type, ...fields } = JSON.parse(text) as Record<string, unknown>;
      return [String(type).replace("type.googleapis.com/", ""), fields];
    }),
  );
}

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "sealwire-grpcurl-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** A server with the demo tools in a folder of its own. */
async function startServer(...args: readonly string[]) {
  const folder = await temporaryFolder();
  const started = await CliServer.start(folder.path, "--dev", ...args);
  return Object.assign(started, {
    async [Symbol.asyncDispose]() {
      await started.process[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  });
}

test.run();

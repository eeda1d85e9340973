import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ErrorInfo } from "../../gen/google/rpc/error_details.ts";
import { ErrorReason } from "../../gen/sealwire/v1/error.ts";
import { CallResponse } from "../../gen/sealwire/v1/frame.ts";
import { CliServer } from "../cli/cli-process.ts";
import { assert, suite } from "../support/suite.ts";
import { bufCurl } from "./buf-curl.ts";

const test = suite("e2e/buf-curl");

const CALL = "sealwire.v1.ToolService/Call";
const WATCH = "sealwire.v1.ToolService/WatchJob";
let folder: string;
let server: CliServer;
let address: string;

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sealwire-buf-curl-"));
  server = await CliServer.start(folder, "--dev");
  address = server.ready.listening;
});

test.after(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** Signs a call with the CLI and gives the frame's ProtoJSON. */
async function sign(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await server.run("sign", ...args);
  assert.is(code, 0, stderr);
  return stdout;
}

test("a signed call relayed through buf curl shows the readable result", async () => {
  const { code, stdout, stderr } = await bufCurl(address, CALL, await sign("batch_sum", '{"numbers":[1,2,3.5]}'));
  assert.is(code, 0, stderr);
  const { response } = JSON.parse(stdout);
  assert.is(response.ok, true);
  assert.is(response.status, "STATUS_OK");
  assert.equal(response.result, {
    "@type": "type.googleapis.com/sealwire.demo.v1.BatchSumResponse",
    count: 3,
    total: 6.5,
  });
});

test("the same bytes again are REPLAYED, and the details of the error say so, signed and in short", async () => {
  const frame = await sign("batch_sum", '{"numbers":[1]}');
  assert.is((await bufCurl(address, CALL, frame)).code, 0);
  const { code, stderr } = await bufCurl(address, CALL, frame);
  assert.is.not(code, 0);
  const error: { code: string; details: { type: string; value: string }[] } = JSON.parse(stderr);
  assert.is(error.code, "already_exists");
  assert.equal(
    error.details.map(({ type }) => type),
    ["sealwire.v1.CallResponse", "google.rpc.ErrorInfo"],
  );
  const [signed, info] = error.details.map(({ value }) => Buffer.from(value, "base64"));
  assert.is(CallResponse.decode(signed ?? Buffer.of()).response?.error?.reason, ErrorReason.REPLAYED);
  assert.is(ErrorInfo.decode(info ?? Buffer.of()).reason, "REPLAYED");
});

test("a job is accepted and watched to its end", async () => {
  const started = await bufCurl(address, CALL, await sign("start_long_task", '{"seconds":1,"payload":{"a":[1]}}'));
  const { status, job } = JSON.parse(started.stdout).response;
  assert.is(status, "STATUS_ACCEPTED");
  const watched = await bufCurl(address, WATCH, await sign("watch_job", JSON.stringify({ jobId: job.jobId })));
  assert.is(watched.code, 0, watched.stderr);
  const answers = JSON.parse(`[${watched.stdout.replaceAll(/\}\s*\{/g, "},{")}]`);
  const { response } = answers.at(-1);
  assert.is(response.status, "STATUS_DONE");
  assert.equal(response.result.output, {
    "@type": "type.googleapis.com/sealwire.demo.v1.StartLongTaskResponse",
    payload: { a: [1] },
  });
});

test("a tool service called natively is UNIMPLEMENTED and names what to call", async () => {
  const { stderr } = await bufCurl(address, "sealwire.demo.v1.DemoToolService/BatchSum", '{"numbers":[1]}');
  const error = JSON.parse(stderr);
  assert.is(error.code, "unimplemented");
  assert.match(error.message, "sealwire.v1.ToolService/Call");
});

test("the health service answers without a signature", async () => {
  const { stdout } = await bufCurl(address, "grpc.health.v1.Health/Check", "{}");
  assert.equal(JSON.parse(stdout), { status: "SERVING" });
});

test.run();

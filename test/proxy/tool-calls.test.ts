import { BinaryReader } from "@bufbuild/protobuf/wire";
import { status } from "@grpc/grpc-js";
import { BatchSumRequest, BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { StartLongTaskRequest, StartLongTaskResponse } from "../../gen/sealwire/demo/v1/start_long_task.ts";
import { Error as ErrorMessage } from "../../gen/sealwire/v1/error.ts";
import { JobProgress } from "../../gen/sealwire/v1/job.ts";
import { SealwireError } from "../../src/errors.ts";
import { COUNT, countingService, progressOf } from "../support/counting-service.ts";
import { eventually } from "../support/eventually.ts";
import { HoldingTool } from "../support/holding-tool.ts";
import { startServer, type TestServer, type TestServerOptions } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TcpLink } from "../support/tcp-link.ts";
import { testArgs, testService } from "../support/test-service.ts";
import { detailsOf, fieldsOf, infoOf, type NativeAnswer } from "./native-client.ts";
import { type RunningProxy, startProxy } from "./running-proxy.ts";

/* Native calls of tools through a proxy. */
const test = suite("proxy/tool-calls");

const SUM = "sealwire.demo.v1.DemoToolService/BatchSum";
const LONG_TASK = "sealwire.demo.v1.DemoToolService/StartLongTask";

type Body = (proxy: RunningProxy, server: TestServer) => Promise<void>;

async function withProxy(options: TestServerOptions, body: Body): Promise<void> {
  await using server = await startServer(options);
  await using proxy = await startProxy(server.client("alice", { pipeline: false }));
  await body(proxy, server);
}

const numbers = (...list: number[]): Uint8Array => BatchSumRequest.encode({ numbers: list }).finish();
const seconds = (count: number): Uint8Array =>
  StartLongTaskRequest.encode({ seconds: count, payload: { a: "b" } }).finish();

function sumOf({ messages }: NativeAnswer): number {
  return BatchSumResponse.decode(messages[0] ?? new Uint8Array()).total;
}

function requestIds({ head, trailers }: NativeAnswer): unknown[] {
  return [head?.get("sealwire-request-id")[0], trailers.get("sealwire-request-id")[0]];
}

test("a sync tool answers with its output, and names the request before and after it", () =>
  withProxy({}, async ({ native }) => {
    const answer = await native.call(SUM, numbers(1, 2, 3.5), { metadata: { "sealwire-request-id": "r-1" } });
    assert.equal([answer.code, answer.messages.length, sumOf(answer)], [status.OK, 1, 6.5]);
    assert.equal(requestIds(answer), ["r-1", "r-1"]);
    const [first, second] = requestIds(await native.call(SUM, numbers(1)));
    assert.match(String(first), /^[0-9a-f-]{36}$/);
    assert.is(first, second);
  }));

test("arguments that break a rule are refused with their fields, in standard details", () =>
  withProxy({}, async ({ native }) => {
    const answer = await native.call(SUM, numbers(1, Number.NaN, Number.POSITIVE_INFINITY));
    assert.is(answer.code, status.INVALID_ARGUMENT);
    assert.equal(fieldsOf(answer), ["numbers[1]", "numbers[2]"]);
    const { reason, metadata } = infoOf(answer);
    assert.equal([reason, metadata.tool], ["ARGS_INVALID", "batch_sum"]);
    assert.is(metadata.request_id, requestIds(answer)[1]);
    const own = ErrorMessage.decode(detailsOf(answer).get("sealwire.v1.Error") ?? new Uint8Array());
    assert.equal(
      own.violations.map(({ ruleId }) => ruleId),
      ["double.finite", "double.finite"],
    );
  }));

test("bytes that are no such message are refused by the server", () =>
  withProxy({}, async ({ native }) => {
    const answer = await native.call(SUM, Buffer.from([0xff]));
    assert.equal([answer.code, infoOf(answer).reason], [status.INVALID_ARGUMENT, "ARGS_INVALID"]);
  }));

test("calls with one request id run a tool with side effects once", async () => {
  let runs = 0;
  const { tools, descriptors } = testService({ Count: { run: () => ++runs } });
  await withProxy({ tools: [tools], descriptors: [descriptors] }, async ({ native }) => {
    const call = (requestId: string, ...list: number[]) =>
      native.call("test.v1.TestService/Count", testArgs(...list), { metadata: { "sealwire-request-id": requestId } });
    assert.equal([sumOf(await call("r-1", 5)), sumOf(await call("r-1", 5)), sumOf(await call("r-2", 5))], [1, 1, 2]);
    const reused = await call("r-1", 6);
    assert.equal([reused.code, infoOf(reused).reason], [status.ALREADY_EXISTS, "REQUEST_ID_REUSED"]);
  });
});

test("metadata that cannot be used is refused by name", () =>
  withProxy({}, async ({ native }) => {
    for (const [key, value] of [
      ["sealwire-request-id", "with a space"],
      ["sealwire-request-id", "x".repeat(129)],
      ["sealwire-cancel-on-abandon", "yes"],
    ] as const) {
      const answer = await native.call(SUM, numbers(1), { metadata: { [key]: value } });
      assert.is(answer.code, status.INVALID_ARGUMENT);
      assert.match(answer.details, `The metadata ${key} must be`);
    }
  }));

test("a method that is no tool is UNIMPLEMENTED, and the tools are named", () =>
  withProxy({}, async ({ native }) => {
    for (const method of ["sealwire.demo.v1.DemoToolService/BatchSun", "sealwire.v1.ToolService/Call", "a/b/c", ""]) {
      const answer = await native.call(method, numbers(1));
      assert.is(answer.code, status.UNIMPLEMENTED, method);
      assert.match(answer.details, "There are: sealwire.demo.v1.DemoToolService/BatchSum, sealwire.demo.v1.");
    }
  }));

test("a call with no message or with several is UNIMPLEMENTED", () =>
  withProxy({}, async ({ native }) => {
    for (const messages of [[], [numbers(1), numbers(2)]]) {
      const answer = await native.send(SUM, messages);
      assert.is(answer.code, status.UNIMPLEMENTED);
      assert.match(answer.details, "A tool takes one request message");
    }
  }));

test("a job answers with its output; its id comes first, and is logged", () =>
  withProxy({}, async ({ native, log }) => {
    const call = native.open(LONG_TASK, seconds(1), { metadata: { "sealwire-request-id": "r-1" } });
    const head = await call.head;
    assert.is(call.messages.length, 0);
    const [jobId] = head.get("sealwire-job-id");
    const answer = await call.answer;
    assert.equal([answer.code, answer.messages.length], [status.OK, 1]);
    assert.equal(StartLongTaskResponse.decode(answer.messages[0] as Buffer).payload, { a: "b" });
    assert.equal([answer.trailers.get("sealwire-job-id")[0], requestIds(answer)[1]], [jobId, "r-1"]);
    const line = log.find(({ message }) => message === "job accepted");
    assert.equal(line?.fields, { tool: "start_long_task", request_id: "r-1", job_id: jobId });
    const again = await native.call(LONG_TASK, seconds(1), { metadata: { "sealwire-request-id": "r-1" } });
    assert.equal([again.code, again.head?.get("sealwire-job-id")[0]], [status.OK, jobId]);
  }));

test("a cancelled call leaves its job running", () =>
  withProxy({}, async ({ native }, server) => {
    const call = native.open(LONG_TASK, seconds(1));
    const [jobId] = (await call.head).get("sealwire-job-id");
    call.cancel();
    assert.is((await call.answer).code, status.CANCELLED);
    await server.client().job(String(jobId)).result();
  }));

test("a deadline ends the waiting, not the job", () =>
  withProxy({}, async ({ native }, server) => {
    const call = native.open(LONG_TASK, seconds(2), { timeoutMs: 700 });
    const [jobId] = (await call.head).get("sealwire-job-id");
    assert.is((await call.answer).code, status.DEADLINE_EXCEEDED);
    await server.client().job(String(jobId)).result();
  }));

test("sealwire-cancel-on-abandon cancels the job of a cancelled call", () =>
  withProxy({}, async ({ native }, server) => {
    const call = native.open(LONG_TASK, seconds(20), { metadata: { "sealwire-cancel-on-abandon": "true" } });
    const [jobId] = (await call.head).get("sealwire-job-id");
    call.cancel();
    const job = server.client().job(String(jobId));
    await eventually("the job is cancelled", async () => (await job.poll()).state === "CANCELLED");
  }));

test("a job that is accepted after its call was abandoned is cancelled, too", async () => {
  await using server = await startServer();
  await using link = await TcpLink.to(Number(server.address.split(":")[1]));
  const client = server.client("alice", { pipeline: false, address: `127.0.0.1:${link.port}` });
  const begun = Promise.withResolvers<void>();
  const sendCall = client.call.bind(client);
  client.call = (tool, ...rest) => {
    if (tool === "start_long_task") begun.resolve();
    return sendCall(tool, ...rest);
  };
  await using proxy = await startProxy(client);
  assert.is((await proxy.native.call(SUM, numbers(1))).code, status.OK);
  link.hold();
  const call = proxy.native.open(LONG_TASK, seconds(20), { metadata: { "sealwire-cancel-on-abandon": "true" } });
  await begun.promise;
  call.cancel();
  assert.is((await call.answer).code, status.CANCELLED);
  link.release();
  await eventually("the job is cancelled", async () => {
    const { jobs } = await server.client().listJobs();
    return jobs[0]?.state === "CANCELLED";
  });
});

test("a streaming job method sends its progress, then its output", async () => {
  const seen = Promise.withResolvers<void>();
  const service = countingService({
    async *run(list) {
      yield { progress: progressOf(1, list.length) };
      await seen.promise;
      yield { count: list.length };
    },
  });
  await withProxy(service, async ({ native }) => {
    const call = native.open("test.v1.CountingService/CountUp", testArgs(7, 8));
    await eventually("progress arrives", () => call.messages.length > 0);
    seen.resolve();
    const { code, messages } = await call.answer;
    assert.is(code, status.OK);
    const reader = new BinaryReader(messages[0] as Buffer);
    assert.equal(reader.tag()[0], 1);
    assert.equal(JobProgress.toJSON(JobProgress.decode(reader.bytes())), JobProgress.toJSON(progressOf(1, 2)));
    assert.is(COUNT.decode(messages.at(-1) as Buffer).count, 2);
    assert.is(messages.length, 2);
  });
});

test("a tool's own failure has its own status; UNAVAILABLE only if a repeated call does no harm", async () => {
  const failing = (fields: object) => ({
    ...fields,
    run: ([code]: number[]) => {
      if (code === 5) throw new SealwireError("TOOL_FAILED", "no such thing", { status: "NOT_FOUND" });
      const details = [{ typeUrl: "type.googleapis.com/google.rpc.QuotaFailure", value: new Uint8Array() }];
      throw new SealwireError("TOOL_FAILED", "try later", { status: "UNAVAILABLE", retryDelayMs: 1500, details });
    },
  });
  const { tools, descriptors } = testService({
    Change: failing({}),
    Look: failing({ idempotent: true }),
    Work: failing({ job: { maxAttempts: 1 } }),
  });
  await withProxy({ tools: [tools], descriptors: [descriptors] }, async ({ native }) => {
    const codes = async (method: string) =>
      (await Promise.all([5, 14].map((code) => native.call(`test.v1.TestService/${method}`, testArgs(code))))).map(
        ({ code }) => code,
      );
    assert.equal(await codes("Change"), [status.NOT_FOUND, status.ABORTED]);
    assert.equal(await codes("Look"), [status.NOT_FOUND, status.UNAVAILABLE]);
    assert.equal(await codes("Work"), [status.NOT_FOUND, status.ABORTED]);
    const answer = await native.call("test.v1.TestService/Change", testArgs(14));
    assert.equal([answer.details, infoOf(answer).reason], ["try later", "TOOL_FAILED"]);
    for (const type of ["google.rpc.RetryInfo", "google.rpc.QuotaFailure", "sealwire.v1.Error"])
      assert.ok(detailsOf(answer).has(type), type);
  });
});

test("the caller's deadline and cancellation reach the handler of a sync tool", async () => {
  const tool = new HoldingTool({ endsOnAbort: true });
  await withProxy(tool.options, async ({ native }) => {
    const call = native.open("test.v1.TestService/Hold", testArgs(1));
    await tool.untilBegun(1);
    call.cancel();
    await eventually("the handler is aborted", () => tool.aborted.has(1));
    const late = await native.call("test.v1.TestService/Hold", testArgs(2), { timeoutMs: 400 });
    assert.is(late.code, status.DEADLINE_EXCEEDED);
  });
});

test("a well-formed trace context is passed on", async () => {
  const tool = new HoldingTool();
  await withProxy(tool.options, async ({ native }) => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const call = native.open("test.v1.TestService/Hold", testArgs(1), { metadata: { traceparent, tracestate: "a=1" } });
    await tool.finish(1);
    await call.answer;
    const orphan = native.open("test.v1.TestService/Hold", testArgs(2), { metadata: { tracestate: "a=1" } });
    await tool.finish(2);
    await orphan.answer;
    assert.equal(tool.traces, [
      { traceparent, tracestate: "a=1" },
      { traceparent: undefined, tracestate: undefined },
    ]);
  });
});

test.run();

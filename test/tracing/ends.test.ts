import { HandBackError } from "../../src/jobs/hand-back.ts";
import { createMetrics } from "../../src/server/metrics/metrics.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { eventually } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../support/test-service.ts";
import { traceProcess } from "./traced.ts";

/* How spans end that do not simply succeed, and what an unsampled call leaves. */
const test = suite("tracing/ends");

const [SERVER, CLIENT, PRODUCER, CONSUMER] = [2, 3, 4, 5];
const ARGS = { typeUrl: `type.googleapis.com/${TEST_INPUT}`, value: testArgs(1) };

test("an attempt that was cancelled has that reason, whatever its tool throws, and one that was handed back has none", async () => {
  await using traced = await traceProcess();
  const { tools, descriptors } = testService({
    Hold: {
      job: {},
      run: (_numbers, { signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped")))),
    },
    Pass: {
      job: { initialBackoff: { seconds: 0n, nanos: 1_000_000 } },
      run: (_numbers, { attempt }) => {
        if (attempt === 1) throw new HandBackError("not here", { began: false, delayMs: 1 });
        return 0;
      },
    },
  });
  await using server = await startServer({ tools: [tools], descriptors: [descriptors] });
  const client = server.client();
  const held = client.job((await client.call("hold", ARGS)).job?.jobId ?? "");
  await eventually("it runs", async () => (await held.poll()).state === "RUNNING");
  await held.cancel();
  await rejection("CANCELLED", held.result());
  await client.job((await client.call("pass", ARGS)).job?.jobId ?? "").result();
  await traced.flush();
  const ends = traced.collector.spans
    .filter(({ kind }) => kind === CONSUMER)
    .map(({ attributes, isError }) => [
      ...[attributes["gen_ai.tool.name"], attributes["sealwire.attempt"]],
      ...[isError, attributes["error.type"]],
    ]);
  assert.equal(ends.sort(), [
    ["hold", 1, true, "CANCELLED"],
    ["pass", 1, false, undefined],
    ["pass", 2, false, undefined],
  ]);
});

test("a submission that is refused is an error with its reason, and has no job", async () => {
  await using traced = await traceProcess();
  const { tools, descriptors } = testService({ Build: { job: {}, run: () => 0 } });
  const clients = { alice: { limits: { openJobs: 0 } } };
  await using server = await startServer({ tools: [tools], descriptors: [descriptors], clients });
  const call = server.client("alice", { retry: { maxAttempts: 1 } }).call("build", ARGS);
  await rejection("QUOTA_EXCEEDED", call);
  await traced.flush();
  const submitted = traced.collector.spans.find(({ kind }) => kind === PRODUCER);
  assert.equal(
    [submitted?.isError, submitted?.attributes["error.type"], submitted?.attributes["sealwire.job.id"]],
    [true, "QUOTA_EXCEEDED", undefined],
  );
});

test("the span of a client names the server's host, and, of a refused call, its status", async () => {
  await using traced = await traceProcess();
  await using server = await startServer({ clients: { alice: { tools: ["other"] } } });
  await rejection("TOOL_FORBIDDEN", server.client("alice", { pipeline: false }).call("batch_sum", ARGS));
  await traced.flush();
  const called = traced.collector.spans.find(
    ({ kind, attributes }) => kind === CLIENT && attributes["gen_ai.tool.name"] === "batch_sum",
  );
  const { attributes } = called ?? { attributes: {} as Record<string, unknown> };
  assert.equal(
    ["server.address", "rpc.response.status_code", "error.type"].map((name) => attributes[name]),
    ["127.0.0.1", "PERMISSION_DENIED", "TOOL_FORBIDDEN"],
  );
});

test("a call that the store does not answer is an error of the server, and one that is refused to its caller is none", async () => {
  await using traced = await traceProcess();
  const store = await openSqliteStore({ path: ":memory:" });
  await using server = await startServer({ store, clients: { alice: { tools: ["other"] } } });
  const client = server.client("alice", { retry: { maxAttempts: 1 }, pipeline: false });
  await rejection("TOOL_FORBIDDEN", client.call("batch_sum", ARGS));
  await store[Symbol.asyncDispose]();
  await rejection("UNAVAILABLE", client.call("batch_sum", ARGS));
  await traced.flush();
  const ends = traced.collector.spans
    .filter(({ kind }) => kind === SERVER)
    .map(({ attributes, isError }) => [attributes["error.type"], attributes["rpc.response.status_code"], isError]);
  assert.equal(ends.slice(-2), [
    ["TOOL_FORBIDDEN", "PERMISSION_DENIED", false],
    ["UNAVAILABLE", "UNAVAILABLE", true],
  ]);
});

test("a call that the sampler leaves out tells so to its tool, and is no exemplar", async () => {
  await using traced = await traceProcess({ env: { OTEL_TRACES_SAMPLER: "always_off" } });
  await using store = await openSqliteStore({ path: ":memory:" });
  const metrics = await createMetrics({ store });
  await using endpoint = await metrics.listen("127.0.0.1:0");
  const seen: (string | undefined)[] = [];
  const { tools, descriptors } = testService({
    See: {
      run: (_numbers, { traceparent }) => {
        seen.push(traceparent);
        return 0;
      },
    },
  });
  const observers = [metrics.observer];
  await using server = await startServer({ store, observers, tools: [tools], descriptors: [descriptors] });
  await server.client("alice", { pipeline: false }).call("see", ARGS);
  const headers = { accept: "application/openmetrics-text;version=1.0.0" };
  const text = await eventually("the call is counted", async () => {
    const scraped = await (await fetch(`http://${endpoint.address}/metrics`, { headers })).text();
    return /grpc_server_handling_seconds_count\{[^}]*"Call"\} [1-9]/.test(scraped) && scraped;
  });
  assert.not.match(text, "trace_id=");
  assert.match(seen[0] ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  await traced.flush();
  assert.equal(traced.collector.spans, []);
});

test.run();

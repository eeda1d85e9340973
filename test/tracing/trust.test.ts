import { Metadata } from "@grpc/grpc-js";
import { FakeClock } from "../support/fake-clock.ts";
import { RawClient, signRaw } from "../support/raw-client.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TEST_INPUT, testArgs } from "../support/test-service.ts";
import { traceProcess } from "./traced.ts";

/* A traceparent is not signed: it must not raise what a server records. */
const test = suite("tracing/trust");

const UNAUTHENTICATED = 16;
const SUM = { tool: "batch_sum", type: TEST_INPUT, value: testArgs(1) };
/** The operator wants no trace that begins here. */
const NO_ROOTS = { OTEL_TRACES_SAMPLER: "parentbased_always_off" };

function sampledTrace(digit: string): Metadata {
  const metadata = new Metadata();
  metadata.set("traceparent", `00-${digit.repeat(32)}-${"b".repeat(16)}-01`);
  return metadata;
}

test("the sampled flag of a frame that fails verification raises nothing", async () => {
  await using traced = await traceProcess({ env: NO_ROOTS });
  await using server = await startServer();
  using raw = new RawClient(server.address, server.credentials());
  const { frame, ...rest } = signRaw(server.credentials(), SUM);
  frame.writeUInt8((frame.at(-1) ?? 0) ^ 1, frame.length - 1);
  assert.is((await raw.send({ frame, ...rest }, sampledTrace("a"))).code, UNAUTHENTICATED);
  // A verified frame with the same flag is sampled, so the export works.
  assert.is((await raw.call(SUM, sampledTrace("c"))).code, 0);
  await traced.flush();
  const traces = new Set(traced.collector.spans.map(({ traceId }) => traceId));
  assert.equal([...traces], ["c".repeat(32)]);
});

test("a refused stranger has a span outside of the trace that it names, and ten of them in a second", async () => {
  await using traced = await traceProcess();
  await using server = await startServer({ clock: new FakeClock() });
  using raw = new RawClient(server.address, server.credentials());
  for (let sent = 0; sent < 15; sent += 1) {
    const { frame, ...rest } = signRaw(server.credentials(), SUM);
    frame.writeUInt8((frame.at(-1) ?? 0) ^ 1, frame.length - 1);
    await raw.send({ frame, ...rest }, sampledTrace("a"));
  }
  await traced.flush();
  const { spans } = traced.collector;
  assert.is(spans.length, 10);
  for (const { traceId, parentId, links, attributes } of spans) {
    assert.is.not(traceId, "a".repeat(32));
    assert.equal([parentId, links, attributes["error.type"]], ["", [], "SIGNATURE_INVALID"]);
  }
});

test("beyond the cap, sampled callers begin traces that the server's own sampler decides about", async () => {
  await using traced = await traceProcess({ env: NO_ROOTS });
  await using server = await startServer({ tracing: { sampledCallsPerSecond: 0 } });
  await using other = await startServer({ tracing: { sampledCallsPerSecond: 2 } });
  using raw = new RawClient(server.address, server.credentials());
  using otherRaw = new RawClient(other.address, other.credentials());
  for (let sent = 0; sent < 3; sent += 1) assert.is((await raw.call(SUM, sampledTrace("a"))).code, 0);
  assert.is((await otherRaw.call(SUM, sampledTrace("c"))).code, 0);
  await traced.flush();
  const traces = new Set(traced.collector.spans.map(({ traceId }) => traceId));
  assert.equal([...traces], ["c".repeat(32)]);
});

test("beyond the cap, a call's own trace is linked to that of its caller", async () => {
  await using traced = await traceProcess();
  await using server = await startServer({ tracing: { sampledCallsPerSecond: 0 } });
  using raw = new RawClient(server.address, server.credentials());
  await raw.call(SUM, sampledTrace("a"));
  await traced.flush();
  const served = traced.collector.spans.find(({ kind }) => kind === 2);
  assert.is.not(served?.traceId, "a".repeat(32));
  assert.equal(
    served?.links.map(({ traceId, spanId }) => [traceId, spanId]),
    [["a".repeat(32), "b".repeat(16)]],
  );
});

test("a trace id that was chosen for a sampler by ratio raises nothing beyond the cap either", async () => {
  await using traced = await traceProcess({
    env: { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.000001" },
  });
  await using server = await startServer({ tracing: { sampledCallsPerSecond: 0 } });
  await using other = await startServer({ tracing: { sampledCallsPerSecond: 100 } });
  using raw = new RawClient(server.address, server.credentials());
  using otherRaw = new RawClient(other.address, other.credentials());
  const chosen = new Metadata();
  // Its parts cancel each other out, so that it is below every ratio. The flag says that it is not sampled.
  chosen.set("traceparent", `00-${"a".repeat(32)}-${"b".repeat(16)}-00`);
  for (let sent = 0; sent < 5; sent += 1) assert.is((await raw.call(SUM, chosen)).code, 0);
  assert.is((await otherRaw.call(SUM, chosen)).code, 0);
  await traced.flush();
  const served = traced.collector.spans.filter(({ kind }) => kind === 2);
  assert.equal(
    served.map(({ traceId }) => traceId),
    ["a".repeat(32)],
  );
});

test.run();

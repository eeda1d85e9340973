import { Metadata } from "@grpc/grpc-js";
import { context as contexts, createTraceState, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { CALL_HEADER_METADATA } from "../../src/wire/call-header.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { rejection } from "../support/rejection.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../support/test-service.ts";
import { SERVICE, startFaultUpstream } from "../upstream/fault-upstream.ts";
import { traceProcess } from "./traced.ts";

/* What a collector receives of calls: one trace over client, server, tool and upstream. */
const test = suite("tracing/calls");

const CALL = "sealwire.v1.ToolService/Call";
const [INTERNAL, SERVER, CLIENT] = [1, 2, 3];
/** A text that must not leave the process in a span. */
const MARKER = "marker-4f1c9b";
const TRACE = "a".repeat(32);

test("one trace leads from the client to the upstream, and holds no argument and no result", async () => {
  await using traced = await traceProcess();
  await using upstream = await startFaultUpstream((call) => call.send(`${MARKER}-result`));
  await using server = await startServer({ tools: [], upstreams: [upstream.options] });
  const client = server.client();
  await eventually("the upstream serves", async () => (await client.health(SERVICE)) === "SERVING");
  await client.call("act", { what: MARKER }, { requestId: "one" });
  await traced.flush();
  const { spans, bytes } = traced.collector;
  const act = spans.find(({ name }) => name === "execute_tool act");
  assert.ok(act);
  const trace = spans.filter(({ traceId }) => traceId === act.traceId);
  const named = (name: string, kind: number) => trace.find((span) => span.name === name && span.kind === kind);
  const [call, served, below] = [named(CALL, CLIENT), named(CALL, SERVER), named(`${SERVICE}/Act`, CLIENT)];
  assert.equal([call?.parentId, served?.parentId, act.parentId], ["", call?.spanId, served?.spanId]);
  assert.is(below?.parentId, act.spanId);
  assert.is(trace.length, 4);
  const sent = upstream.calls[0]?.metadata.get("traceparent");
  assert.equal(sent, [`00-${act.traceId}-${below?.spanId}-01`]);
  const { keyId } = server.credentials();
  const tool = { "gen_ai.tool.name": "act", "sealwire.client.id": "alice", "sealwire.key.id": keyId };
  const rpc = { "rpc.system.name": "grpc", "rpc.method": CALL };
  assert.equal(served?.attributes, { ...rpc, "rpc.response.status_code": "OK", ...tool });
  assert.is(act.kind, INTERNAL);
  assert.equal(act.attributes, { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.id": "one", ...tool });
  assert.ok(!spans.some(({ isError }) => isError));
  assert.is(bytes.includes(MARKER), false);
  assert.is(served?.resource["service.name"], "sealwire");
});

test("a tool that fails is an error in every span, though gRPC says OK, and its message is in none", async () => {
  await using traced = await traceProcess();
  const { tools, descriptors } = testService({
    Fail: {
      run: () => {
        throw new Error(MARKER);
      },
    },
  });
  await using server = await startServer({ tools: [tools], descriptors: [descriptors] });
  const args = { typeUrl: `type.googleapis.com/${TEST_INPUT}`, value: testArgs(1) };
  await rejection("INTERNAL", server.client().call("fail", args));
  await traced.flush();
  const { spans, bytes } = traced.collector;
  const seen = spans.map(({ name, isError, attributes }) => [name, isError, attributes["error.type"]]);
  assert.equal(seen.sort(), [
    ["execute_tool fail", true, "INTERNAL"],
    [CALL, true, "INTERNAL"],
    [CALL, true, "INTERNAL"],
  ]);
  assert.equal(
    spans.filter(({ name }) => name === CALL).map(({ attributes }) => attributes["rpc.response.status_code"]),
    ["OK", "OK"],
  );
  assert.is(bytes.includes(MARKER), false);
});

test("a refusal for which the caller is responsible has its reason, and is no error of the server", async () => {
  await using traced = await traceProcess();
  await using server = await startServer({ clients: { alice: { tools: ["other"] } } });
  const args = { typeUrl: `type.googleapis.com/${TEST_INPUT}`, value: testArgs(1) };
  await rejection("TOOL_FORBIDDEN", server.client().call("batch_sum", args));
  await traced.flush();
  const served = traced.collector.spans.filter(({ name, kind }) => name === CALL && kind === SERVER);
  const of = served.find(({ attributes }) => attributes["gen_ai.tool.name"] === "batch_sum");
  assert.equal([of?.isError, of?.attributes["error.type"]], [false, "TOOL_FORBIDDEN"]);
  assert.is(of?.attributes["rpc.response.status_code"], "PERMISSION_DENIED");
});

test("each call on a stream has spans of its own, below the client's", async () => {
  await using traced = await traceProcess();
  await using server = await startServer();
  const client = server.client("alice", { pipeline: true });
  await client.call("batch_sum", { numbers: [1] });
  await Promise.all([1, 2, 3].map((each) => client.call("batch_sum", { numbers: [each] })));
  await traced.flush();
  const { spans } = traced.collector;
  const frames = spans.filter(({ name }) => name === "sealwire.v1.ToolService/CallStream");
  const sums = frames.filter(({ attributes }) => attributes["gen_ai.tool.name"] === "batch_sum");
  assert.ok(sums.length >= 3);
  const callers = spans.filter(({ kind }) => kind === CLIENT).map(({ spanId }) => spanId);
  for (const { parentId, spanId } of sums) {
    assert.ok(callers.includes(parentId));
    assert.is(spans.filter((span) => span.parentId === spanId && span.name === "execute_tool batch_sum").length, 1);
  }
});

test("the caller's trace and tracestate reach the upstream", async () => {
  await using traced = await traceProcess();
  await using upstream = await startFaultUpstream((call) => call.send(""));
  await using server = await startServer({ tools: [], upstreams: [upstream.options] });
  const client = server.client("alice", { tracing: false });
  await eventually("the upstream serves", async () => (await client.health(SERVICE)) === "SERVING");
  using raw = new RawClient(server.address, server.credentials());
  const metadata = new Metadata();
  metadata.set("traceparent", `00-${TRACE}-${"b".repeat(16)}-01`);
  metadata.set("tracestate", "vendor=some,other=more");
  const answer = await raw.call({ tool: "act", type: "fault.v1.FaultRequest" }, metadata);
  assert.is(answer.code, 0, answer.details);
  await traced.flush();
  const sent = upstream.calls[0]?.metadata;
  assert.equal(sent?.get("tracestate"), ["vendor=some,other=more"]);
  const below = traced.collector.spans.find(({ name }) => name === `${SERVICE}/Act`);
  assert.equal(sent?.get("traceparent"), [`00-${TRACE}-${below?.spanId}-01`]);
  const served = traced.collector.spans.find(({ name, traceId }) => name === CALL && traceId === TRACE);
  assert.equal([served?.parentId, served?.tracestate], ["b".repeat(16), "vendor=some,other=more"]);
  assert.ok(traced.collector.spans.every(({ kind, name }) => kind !== CLIENT || name === `${SERVICE}/Act`));
});

test("the tracestate of each call on a stream reaches the upstream: that of a raw peer, and that of our client", async () => {
  await using traced = await traceProcess();
  await using upstream = await startFaultUpstream((call) => call.send(""));
  await using server = await startServer({ tools: [], upstreams: [upstream.options] });
  const client = server.client("alice", { pipeline: true });
  await eventually("the upstream serves", async () => (await client.health(SERVICE)) === "SERVING");
  using raw = new RawClient(server.address, server.credentials());
  const metadata = new Metadata();
  metadata.set(CALL_HEADER_METADATA, "1");
  const stream = raw.stream(metadata);
  await stream.route;
  const traceparent = `00-${TRACE}-${"b".repeat(16)}-01`;
  const act = { tool: "act", type: "fault.v1.FaultRequest" };
  assert.is((await stream.call(act, server.credentials(), { traceparent, tracestate: "vendor=raw" })).ok, true);
  assert.is((await stream.call(act, server.credentials(), { traceparent })).ok, true);
  // The first call opens the stream; only a later one can have a header.
  await client.call("act", { what: "" });
  const parent = { traceId: TRACE, spanId: "c".repeat(16), traceFlags: 1, traceState: createTraceState("vendor=own") };
  await contexts.with(trace.setSpanContext(ROOT_CONTEXT, parent), () => client.call("act", { what: "" }));
  await traced.flush();
  assert.equal(
    upstream.calls.map((call) => call.metadata.get("tracestate")),
    [["vendor=raw"], [], [], ["vendor=own"]],
  );
  const streamed = traced.collector.spans.filter(({ name, kind }) => name.endsWith("/CallStream") && kind === SERVER);
  assert.equal(
    streamed.map(({ tracestate }) => tracestate).sort(),
    ["", "", "vendor=own", "vendor=raw"].slice(-streamed.length),
  );
});

test("without a registered provider the trace context of the caller is passed on unchanged", async () => {
  await using upstream = await startFaultUpstream((call) => call.send(""));
  await using server = await startServer({ tools: [], upstreams: [upstream.options] });
  const client = server.client("alice", { pipeline: true });
  await eventually("the upstream serves", async () => (await client.health(SERVICE)) === "SERVING");
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-00`;
  await client.call("act", { what: "first" }, { traceparent, tracestate: "vendor=some" });
  await client.call("act", { what: "streamed" }, { traceparent, tracestate: "vendor=more" });
  await client.call("act", { what: "none" });
  assert.equal(
    upstream.calls.map(({ what, metadata }) => [what, metadata.get("traceparent"), metadata.get("tracestate")]),
    [
      ["first", [traceparent], ["vendor=some"]],
      ["streamed", [traceparent], ["vendor=more"]],
      ["none", [], []],
    ],
  );
});

test.run();

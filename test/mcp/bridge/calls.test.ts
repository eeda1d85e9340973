import { SealwireError } from "../../../src/errors.ts";
import { commentedLedger, type LedgerHandlers, ledgerTools } from "../../e2e/ledger-tools.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { testService } from "../../support/test-service.ts";
import { contentTools } from "./content-tools.ts";
import { MODERN_META, textOf } from "./raw-host.ts";
import { startBridge } from "./running-bridge.ts";

const test = suite("mcp/bridge/calls");

function serveLedger(handlers: LedgerHandlers = {}) {
  return startServer({ tools: [ledgerTools(handlers)], descriptors: [commentedLedger(" Adds.\n")] });
}

test("a result is an object, and the same as text", async () => {
  await using server = await startServer();
  await using bridge = await startBridge(server);
  const result = await bridge.host.call("batch_sum", { numbers: [1, 2.5] });
  assert.equal(result.structuredContent, { count: 2, total: 3.5 });
  assert.equal(result.content, [{ type: "text", text: '{"count":2,"total":3.5}' }]);
  assert.not.ok(result.isError);
});

test("five bad arguments give five lines, and the tool is not called", async () => {
  let calls = 0;
  await using server = await serveLedger({
    addEntry: () => {
      calls += 1;
      return undefined;
    },
  });
  await using bridge = await startBridge(server);
  const args = { settled: "yes", cents: 1.5, tags: { a: "b", c: 2 ** 40 }, colour: "red" };
  const result = await bridge.host.call("add_entry", args);
  assert.is(result.isError, true);
  const lines = textOf(result)
    .split("\n")
    .filter((line) => /\[\S+\]$/.test(line));
  assert.is(lines.length, 5, textOf(result));
  for (const field of ["settled: ", "cents: ", 'tags["a"]: ', 'tags["c"]: ', "colour"]) {
    assert.ok(
      lines.some((line) => line.includes(field)),
      `${field} in ${textOf(result)}`,
    );
  }
  assert.is(calls, 0);
});

test("a number that JSON does not hold exactly is refused naming the field; as text it is exact", async () => {
  await using server = await startServer({ tools: [contentTools()], descriptors: [contentTools.descriptors] });
  await using bridge = await startBridge(server);
  bridge.host.sendText(
    '{"jsonrpc":"2.0","id":900,"method":"tools/call","params":{"name":"echo_wide","arguments":{"wide":9007199254740993}}}\n',
  );
  const exact = await bridge.host.call("echo_wide", { wide: "9007199254740993" });
  assert.equal(exact.structuredContent, { wide: "9007199254740993" });
  const refused = bridge.host.received.find(({ id }) => id === 900)?.result;
  assert.is(refused.isError, true);
  assert.match(textOf(refused), /^wide: .*\[/m);
});

const FAILURES = {
  "a failure of the tool": {
    error: new SealwireError("TOOL_FAILED", "The drawer is locked."),
    says: ["TOOL_FAILED: The drawer is locked.", "without a change does not help"],
  },
  "a failure that passes": {
    error: new SealwireError("TOOL_FAILED", "The drawer is open.", { retryable: true, retryDelayMs: 7_000 }),
    says: ["TOOL_FAILED: The drawer is open.", "helps after 7 s"],
  },
  "a violation that the tool found": {
    error: new SealwireError("ARGS_INVALID", "no", {
      violations: [{ field: "cents", ruleId: "even", message: "must be even" }],
    }),
    says: ["ARGS_INVALID", "cents: must be even [even]"],
  },
} as const;

for (const [name, { error, says }] of Object.entries(FAILURES)) {
  test(`${name} is a result that a model can act on`, async () => {
    const fail = (): never => {
      throw error;
    };
    await using server = await serveLedger({ addEntry: fail });
    await using bridge = await startBridge(server);
    const result = await bridge.host.call("add_entry", {});
    assert.is(result.isError, true);
    for (const part of says) assert.match(textOf(result), part);
  });
}

test("an unexpected failure of the tool is an error of JSON-RPC without its text", async () => {
  const fail = (): never => {
    throw new Error("secret words");
  };
  await using server = await serveLedger({ addEntry: fail });
  await using bridge = await startBridge(server);
  const error = await bridge.host.call("add_entry", {}).catch((thrown) => thrown);
  assert.is(error.code, -32603);
  assert.not.match(error.message, "secret words");
});

test("without an authentic answer the result says so, and what a repetition does", async () => {
  const server = await serveLedger();
  await using bridge = await startBridge(server, { client: { timeoutMs: 500 } });
  await bridge.host.request("tools/list");
  await server.server.drain(0);
  const [adding, checking] = [await bridge.host.call("add_entry", {}), await bridge.host.call("check_entry", {})];
  for (const result of [adding, checking]) {
    assert.is(result.isError, true);
    assert.match(textOf(result), "No authentic answer came");
  }
  assert.match(textOf(adding), "does not run the tool twice");
  assert.match(textOf(checking), "does no harm");
  await server[Symbol.asyncDispose]();
});

test("a host can choose the request id, and learns it", async () => {
  let calls = 0;
  await using server = await serveLedger({
    addEntry: () => {
      calls += 1;
      return undefined;
    },
  });
  await using bridge = await startBridge(server);
  const _meta = { "dev.sealwire/request-id": "order-7" };
  const first = await bridge.host.call("add_entry", { cents: 1 }, { _meta });
  assert.is(first._meta["dev.sealwire/request-id"], "order-7");
  await bridge.host.call("add_entry", { cents: 1 }, { _meta });
  assert.is(calls, 1);
  const other = await bridge.host.call("add_entry", { cents: 1 });
  assert.is.not(other._meta["dev.sealwire/request-id"], "order-7");
  assert.is(calls, 2);
  const bad = { _meta: { "dev.sealwire/request-id": "a b" } };
  const error = await bridge.host.call("add_entry", {}, bad).catch((thrown) => thrown);
  assert.is(error.code, -32602);
  assert.match(error.message, "dev.sealwire/request-id");
});

test("the trace context in _meta reaches the tool; another text does not", async () => {
  const seen: (string | undefined)[][] = [];
  const { tools, descriptors } = testService({
    Look: { run: (_, { traceparent, tracestate }) => seen.push([traceparent?.slice(0, 35), tracestate]) },
  });
  await using server = await startServer({ tools: [tools], descriptors: [descriptors] });
  await using bridge = await startBridge(server);
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await bridge.host.call("look", { numbers: [1] }, { _meta: { traceparent, tracestate: "a=1" } });
  await bridge.host.call("look", { numbers: [1] }, { _meta: { traceparent: "x", tracestate: "a=1" } });
  await bridge.host.call("look", { numbers: [1] }, { _meta: { traceparent, tracestate: 1 } });
  assert.equal(seen, [
    [traceparent.slice(0, 35), "a=1"],
    [undefined, undefined],
    [traceparent.slice(0, 35), undefined],
  ]);
});

test("a tool with the messages of MCP takes its arguments and returns its blocks as they are", async () => {
  await using server = await startServer({ tools: [contentTools()], descriptors: [contentTools.descriptors] });
  await using bridge = await startBridge(server);
  const { tools } = await bridge.host.request("tools/list");
  const listed = tools.find(({ name }: { name: string }) => name === "files_draw");
  assert.equal(listed.inputSchema, { type: "object", properties: { shape: { type: "string" } } });
  assert.equal(listed.outputSchema, { type: "object", properties: { shape: { type: "string" } } });
  const result = await bridge.host.call("files_draw", { shape: "circle" });
  assert.equal(result.content, [
    { type: "text", text: "a circle" },
    { type: "image", data: "AAEC", mimeType: "image/png", annotations: { audience: ["user"], priority: 0.5 } },
  ]);
  assert.equal(result.structuredContent, { shape: "circle" });
});

test("a request that is none of JSON-RPC 2.0 is refused under its id, if it has one", async () => {
  await using server = await startServer();
  await using bridge = await startBridge(server);
  bridge.host.sendText('{"jsonrpc":"1.0","id":701,"method":"ping"}\n{"jsonrpc":"2.0","id":"a","method":5}\n');
  bridge.host.sendText('{"jsonrpc":"2.0","id":{},"method":"ping"}\n[]\nnull\n{\n');
  await bridge.host.request("ping");
  const refused = bridge.host.received.filter(({ error }) => error !== undefined).map(({ id }) => id);
  assert.equal(refused, [701, "a", null, null, null, null]);
});

test("an empty result of a host of 2026-07-28 has its envelope", async () => {
  await using server = await serveLedger();
  await using bridge = await startBridge(server, { initialize: false });
  const result = await bridge.host.call("check_entry", {}, { _meta: MODERN_META });
  assert.equal([result.structuredContent, result.resultType], [{}, "complete"]);
  assert.is(result._meta["io.modelcontextprotocol/serverInfo"].name, "sealwire");
});

test.run();

import { SUPPORTED_PROTOCOL_VERSIONS, type Tool } from "@modelcontextprotocol/server";
import { TOOL_NAME_MOST } from "../../../src/mcp/bridge/tool-names.ts";
import { rejection } from "../../support/rejection.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { type TestTool, testService } from "../../support/test-service.ts";
import { MODERN_META, type RawHost } from "./raw-host.ts";
import { startBridge } from "./running-bridge.ts";

const test = suite("mcp/bridge/tools-list");

async function list(host: RawHost): Promise<Tool[]> {
  return (await host.request("tools/list")).tools;
}

async function names(host: RawHost): Promise<string[]> {
  return (await list(host)).map(({ name }) => name);
}

const tool: TestTool = { run: () => 1 };

function serving(methods: Readonly<Record<string, TestTool>>) {
  const { tools, descriptors } = testService(methods);
  return startServer({ tools: [tools], descriptors: [descriptors] });
}

const OLDER = SUPPORTED_PROTOCOL_VERSIONS.filter((version) => version < "2026");

test("there are older revisions down to the first", () => {
  assert.ok(OLDER.includes("2025-11-25") && OLDER.includes("2024-10-07"), OLDER.join());
});

for (const version of OLDER) {
  test(`a host of ${version} lists the tools`, async () => {
    await using server = await startServer();
    await using bridge = await startBridge(server, { initialize: false });
    assert.is(await bridge.host.initialize(version), version);
    assert.equal(await names(bridge.host), ["batch_sum", "start_long_task", "wait_for_job", "cancel_job"]);
  });
}

test("a host of 2026-07-28 lists the tools, and how long the list holds", async () => {
  await using server = await startServer();
  await using bridge = await startBridge(server, { initialize: false, ttlMs: 7_000 });
  const discovered = await bridge.host.request("server/discover", { _meta: MODERN_META });
  assert.ok(discovered.supportedVersions.includes("2026-07-28"));
  assert.ok("io.modelcontextprotocol/tasks" in discovered.capabilities.extensions);
  const listed = await bridge.host.request("tools/list", { _meta: MODERN_META });
  assert.equal([listed.ttlMs, listed.cacheScope, listed.resultType], [7_000, "private", "complete"]);
  const again = await bridge.host.request("tools/list", { _meta: MODERN_META });
  assert.equal(again.tools, listed.tools);
});

test("a tool has its comment, schemas and the hints that its contract states", async () => {
  await using server = await startServer();
  await using bridge = await startBridge(server);
  const [sum, task] = await list(bridge.host);
  assert.is(sum?.description, "Adds up a list of numbers.");
  assert.equal(sum?.annotations, { readOnlyHint: true, idempotentHint: true });
  assert.equal([sum?.inputSchema.type, sum?.outputSchema?.type], ["object", "object"]);
  assert.equal([task?.annotations, task?.outputSchema], [undefined, undefined]);
  assert.match(task?.description ?? "", "call wait_for_job");
});

test("patterns, --read-only and the prefix select and name the tools", async () => {
  await using server = await startServer();
  const listed = async (options: Parameters<typeof startBridge>[1]) => {
    await using bridge = await startBridge(server, options);
    return (await names(bridge.host)).join(" ");
  };
  assert.is(await listed({ tools: ["batch_*"] }), "batch_sum wait_for_job cancel_job");
  assert.is(await listed({ readOnly: true }), "batch_sum wait_for_job");
  assert.is(await listed({ prefix: "sw_", tools: ["batch_sum"] }), "sw_batch_sum sw_wait_for_job sw_cancel_job");
});

test("what is not offered cannot be called", async () => {
  await using server = await startServer();
  await using bridge = await startBridge(server, { readOnly: true, tools: ["batch_sum"] });
  for (const name of ["start_long_task", "cancel_job", "list_jobs"]) {
    const error = await bridge.host.call(name, {}).catch((thrown) => thrown);
    assert.equal([error.code, error.message], [-32602, `Unknown tool: "${name}"`]);
  }
});

test("a long name is cut in the same way each time, and the tool is called by it", async () => {
  const method = `Run${"Long".repeat(20)}`;
  await using server = await serving({ [method]: tool });
  await using one = await startBridge(server);
  await using other = await startBridge(server);
  const [name = ""] = await names(one.host);
  assert.is(name.length, TOOL_NAME_MOST);
  assert.equal(await names(other.host), await names(one.host));
  assert.equal((await one.host.call(name, { numbers: [1] })).structuredContent, { count: 1, total: 1 });
});

test("two tools of one name stop the start, which names both", async () => {
  await using server = await serving({ WaitForJob: tool });
  const { message } = await rejection("OPTIONS_INVALID", startBridge(server));
  assert.match(message, "a tool of the bridge itself and the tool wait_for_job would both be named wait_for_job");
});

test("a bridge starts before its server, and lists the tools once it is there", async () => {
  const gone = await startServer();
  const { address } = gone;
  await gone[Symbol.asyncDispose]();
  await using server = await startServer();
  const bridging = startBridge(server, { client: { address, retry: { maxAttempts: 1, unreachableForMs: 0 } } });
  await using bridge = await bridging;
  const error = await bridge.host.request("tools/list").catch((thrown) => thrown);
  assert.is(error.code, -32603);
  assert.match(error.message, "UNREACHABLE");
  assert.match(bridge.log(), "could not be read yet");
});

test("options that cannot be are refused naming them", async () => {
  await using server = await startServer();
  const refused = [
    [{ prefix: "a b" }, /prefix/],
    [{ prefix: "x".repeat(17) }, /prefix/],
    [{ tools: ["Batch"] }, /"Batch"/],
    [{ waitMs: -1 }, /waitMs/],
    [{ progressIntervalMs: 1 }, /progressIntervalMs/],
    [{ ttlMs: 0 }, /ttlMs/],
  ] as const;
  for (const [options, message] of refused) {
    assert.match((await rejection("OPTIONS_INVALID", startBridge(server, options))).message, message);
  }
});

test.run();

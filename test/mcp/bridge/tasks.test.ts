import { SealwireError } from "../../../src/errors.ts";
import { eventually } from "../../support/eventually.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { testService } from "../../support/test-service.ts";
import { GatedTools } from "./gated-tools.ts";
import { MODERN_META, type RawHost, TASKS_META, textOf } from "./raw-host.ts";
import { startBridge } from "./running-bridge.ts";

const test = suite("mcp/bridge/tasks");

const ARGS = { numbers: [1, 2] };
const MODERN = { _meta: TASKS_META };

async function settled(host: RawHost, taskId: string, params: object = MODERN) {
  return eventually("the task is over", async () => {
    const task = await host.request("tasks/get", { taskId, ...params });
    return task.status !== "working" && task;
  });
}

test("a host that declares the extension gets a task, and its result with tasks/get", async () => {
  const gated = new GatedTools();
  await using server = await startServer(gated.options);
  await using bridge = await startBridge(server, { initialize: false });
  const task = await bridge.host.call("work", ARGS, MODERN);
  assert.equal([task.resultType, task.status, task.ttlMs], ["task", "working", null]);
  assert.ok(task.pollIntervalMs > 0 && !Number.isNaN(Date.parse(task.createdAt)));
  const working = await bridge.host.request("tasks/get", { taskId: task.taskId, ...MODERN });
  assert.equal([working.status, working.resultType], ["working", "complete"]);
  const { resultType, _meta, ...ack } = await bridge.host.request("tasks/update", {
    taskId: task.taskId,
    inputResponses: {},
    ...MODERN,
  });
  assert.equal([resultType, ack], ["complete", {}]);
  gated.open();
  const done = await settled(bridge.host, task.taskId);
  assert.is(done.status, "completed");
  assert.equal(done.result.structuredContent, { count: 2, total: 42 });
  assert.ok(done.ttlMs > 0);
});

test("a host that does not declare it on this request gets no task, and may not ask for one", async () => {
  const gated = new GatedTools();
  await using server = await startServer(gated.options);
  await using bridge = await startBridge(server, { initialize: false, waitMs: 0 });
  const { taskId } = await bridge.host.call("work", ARGS, MODERN);
  const plain = await bridge.host.call("work", ARGS, { _meta: MODERN_META });
  assert.is(plain.resultType, "complete");
  assert.ok(plain.structuredContent.job_id);
  for (const method of ["tasks/get", "tasks/update", "tasks/cancel"]) {
    const error = await bridge.host.request(method, { taskId, _meta: MODERN_META }).catch((thrown) => thrown);
    assert.is(error.code, -32021, method);
    assert.equal(error.data, { requiredCapabilities: { extensions: { "io.modelcontextprotocol/tasks": {} } } });
  }
});

test("an unknown task is an error, and cancelling ends one", async () => {
  const gated = new GatedTools();
  await using server = await startServer(gated.options);
  await using bridge = await startBridge(server, { initialize: false });
  const error = await bridge.host.request("tasks/get", { taskId: "nowhere", ...MODERN }).catch((thrown) => thrown);
  assert.is(error.code, -32602);
  const { taskId } = await bridge.host.call("work", ARGS, MODERN);
  await gated.untilRuns(1);
  await bridge.host.request("tasks/cancel", { taskId, ...MODERN });
  assert.is((await settled(bridge.host, taskId)).status, "cancelled");
  assert.is((await bridge.host.request("tasks/cancel", { taskId, ...MODERN })).resultType, "complete");
});

test("a failure of the tool is a completed task, one of the server a failed task", async () => {
  const fail = (error: Error) => ({
    job: { maxAttempts: 1 },
    run: (): never => {
      throw error;
    },
  });
  const { tools, descriptors } = testService({
    Refuse: fail(new SealwireError("TOOL_FAILED", "The drawer is locked.")),
    Break: fail(new Error("secret words")),
  });
  await using server = await startServer({ tools: [tools], descriptors: [descriptors] });
  await using bridge = await startBridge(server, { initialize: false });
  const refused = await settled(bridge.host, (await bridge.host.call("refuse", ARGS, MODERN)).taskId);
  assert.equal([refused.status, refused.result.isError], ["completed", true]);
  assert.match(textOf(refused.result), "The drawer is locked.");
  const broken = await settled(bridge.host, (await bridge.host.call("break", ARGS, MODERN)).taskId);
  assert.equal([broken.status, broken.error.code], ["failed", -32603]);
});

test("a host of 2025-11-25 that asks for a task gets it, its result and its place in the list", async () => {
  const gated = new GatedTools();
  await using server = await startServer(gated.options);
  await using bridge = await startBridge(server);
  const { tools } = await bridge.host.request("tools/list");
  assert.equal(tools.find(({ name }: { name: string }) => name === "work").execution, { taskSupport: "optional" });
  const { task } = await bridge.host.call("work", ARGS, { task: { ttl: 60_000 } });
  assert.is(task.status, "working");
  const payload = bridge.host.request("tasks/result", { taskId: task.taskId });
  gated.open();
  const result = await payload;
  assert.equal(result.structuredContent, { count: 2, total: 42 });
  assert.equal(result._meta["io.modelcontextprotocol/related-task"], { taskId: task.taskId });
  assert.is((await bridge.host.request("tasks/get", { taskId: task.taskId })).status, "completed");
  const listed = await bridge.host.request("tasks/list");
  assert.equal(
    listed.tasks.map(({ taskId, status }: { taskId: string; status: string }) => [taskId, status]),
    [[task.taskId, "completed"]],
  );
  const over = await bridge.host.request("tasks/cancel", { taskId: task.taskId }).catch((thrown) => thrown);
  assert.is(over.code, -32602);
});

test("a host of 2025-11-25 cancels a task; a tool that is no job is none", async () => {
  const gated = new GatedTools();
  await using server = await startServer(gated.options);
  await using bridge = await startBridge(server);
  const { task } = await bridge.host.call("work", ARGS, { task: {} });
  await gated.untilRuns(1);
  await bridge.host.request("tasks/cancel", { taskId: task.taskId });
  assert.is((await settled(bridge.host, task.taskId, {})).status, "cancelled");
  const refused = await bridge.host.call("write", ARGS, { task: {} }).catch((thrown) => thrown);
  assert.is(refused.code, -32601);
});

test.run();

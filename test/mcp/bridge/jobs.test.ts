import { eventually } from "../../support/eventually.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { GatedTools } from "./gated-tools.ts";
import { type RawHost, textOf } from "./raw-host.ts";
import { startBridge } from "./running-bridge.ts";

const test = suite("mcp/bridge/jobs");

const ARGS = { numbers: [1, 2] };
const CONTINUED = "continues an identical earlier one";

function cancel(host: RawHost, requestId: number): void {
  host.notify("notifications/cancelled", { requestId, reason: "time-out" });
}

test("a job that is over in time is the result of its call", async () => {
  const gated = new GatedTools();
  gated.open();
  await using server = await startServer(gated.options);
  await using bridge = await startBridge(server);
  const result = await bridge.host.call("work", ARGS);
  assert.equal(result.structuredContent, { count: 2, total: 42 });
  assert.is(result.content.length, 1);
});

test("a job that takes longer is answered with its id, and wait_for_job gets its result", async () => {
  const gated = new GatedTools();
  await using server = await startServer(gated.options);
  await using bridge = await startBridge(server, { waitMs: 50 });
  const started = await bridge.host.call("work", ARGS);
  assert.not.ok(started.isError);
  const { job_id, state } = started.structuredContent;
  assert.ok(state === "QUEUED" || state === "RUNNING", state);
  assert.match(textOf(started), "Call wait_for_job with this job_id; do not start it again.");
  const open = await bridge.host.call("wait_for_job", { job_id, seconds: 0 });
  assert.is(open.structuredContent.job_id, job_id);
  gated.open();
  const done = await bridge.host.call("wait_for_job", { job_id, seconds: 20 });
  assert.equal(done.structuredContent, { count: 2, total: 42 });
  assert.equal(gated.runs, ["work 1,2"]);
});

test("cancel_job cancels a job, and wait_for_job says so", async () => {
  const gated = new GatedTools();
  await using server = await startServer(gated.options);
  await using bridge = await startBridge(server, { waitMs: 0 });
  const { structuredContent: job } = await bridge.host.call("work", ARGS);
  await gated.untilRuns(1);
  await bridge.host.call("cancel_job", { job_id: job.job_id });
  const ended = await bridge.host.call("wait_for_job", { job_id: job.job_id, seconds: 20 });
  assert.is(ended.isError, true);
  assert.match(textOf(ended), "CANCELLED");
  assert.equal(gated.cancelled, ["work 1,2"]);
});

test("wrong arguments for the tools of the bridge are named, each in a line", async () => {
  await using server = await startServer();
  await using bridge = await startBridge(server);
  const result = await bridge.host.call("wait_for_job", { seconds: 41, job: "x" });
  assert.is(result.isError, true);
  for (const field of ["job_id: ", "seconds: ", "job: "]) assert.match(textOf(result), new RegExp(`^${field}`, "m"));
  const unknown = await bridge.host.call("wait_for_job", { job_id: "nowhere" });
  assert.is(unknown.isError, true);
  assert.match(textOf(unknown), "JOB_NOT_FOUND");
});

test("a job of a tool that is not offered is not visible", async () => {
  const gated = new GatedTools();
  await using server = await startServer(gated.options);
  const { job } = await server.client().call("work", ARGS);
  await using bridge = await startBridge(server, { tools: ["write"] });
  for (const tool of ["wait_for_job", "cancel_job"]) {
    assert.match(textOf(await bridge.host.call(tool, { job_id: job?.jobId })), "JOB_NOT_FOUND", tool);
  }
  assert.equal(gated.cancelled, []);
});

test("a host that asks for progress hears of it while nothing happens, and it rises", async () => {
  const gated = new GatedTools();
  await using server = await startServer(gated.options);
  await using bridge = await startBridge(server);
  for (const tool of ["work", "write"]) {
    const before = bridge.host.notified("notifications/progress").length;
    const called = bridge.host.call(tool, { numbers: [before] }, { _meta: { progressToken: `t-${tool}` } });
    await eventually("three reports", () => bridge.host.notified("notifications/progress").length >= before + 3);
    const reports = bridge.host.notified("notifications/progress").slice(before);
    assert.ok(reports.every(({ params }) => params?.progressToken === `t-${tool}`));
    const values = reports.map(({ params }) => Number(params?.progress));
    assert.ok(
      values.every((value, index) => index === 0 || value > (values[index - 1] ?? 0)),
      values.join(),
    );
    if (tool === "write") gated.open();
    else cancel(bridge.host, bridge.host.lastId);
    if (tool === "write") await called;
  }
});

test("without a token there are no reports", async () => {
  const gated = new GatedTools();
  await using server = await startServer(gated.options);
  await using bridge = await startBridge(server, { waitMs: 500 });
  await bridge.host.call("work", ARGS);
  assert.equal(bridge.host.notified("notifications/progress"), []);
});

for (const [tool, run] of [
  ["work", "work 1,2"],
  ["write", "write 1,2"],
] as const) {
  test(`an identical call continues that of ${tool} whose host gave up: it runs once`, async () => {
    const gated = new GatedTools();
    await using server = await startServer(gated.options);
    await using bridge = await startBridge(server);
    const first = bridge.host.begin("tools/call", { name: tool, arguments: ARGS });
    await gated.untilRuns(1);
    cancel(bridge.host, first.id);
    const again = bridge.host.call(tool, ARGS);
    gated.open();
    const result = await again;
    assert.equal(result.structuredContent, { count: 2, total: 42 });
    assert.match(textOf(result), CONTINUED);
    assert.equal(gated.runs, [run]);
    assert.equal(gated.cancelled, []);
    const later = await bridge.host.call(tool, ARGS);
    assert.not.match(textOf(later), CONTINUED);
    assert.equal(gated.runs, [run, run]);
  });
}

test("two identical calls at once are two, and other arguments continue nothing", async () => {
  const gated = new GatedTools();
  await using server = await startServer(gated.options);
  await using bridge = await startBridge(server);
  const both = [bridge.host.call("work", ARGS), bridge.host.call("work", ARGS)];
  const gone = bridge.host.begin("tools/call", { name: "work", arguments: { numbers: [3] } });
  await gated.untilRuns(3);
  cancel(bridge.host, gone.id);
  const other = bridge.host.call("work", { numbers: [4] });
  await gated.untilRuns(4);
  gated.open();
  for (const result of [...(await Promise.all(both)), await other]) assert.not.match(textOf(result), CONTINUED);
  assert.equal(gated.runs.toSorted(), ["work 1,2", "work 1,2", "work 3", "work 4"]);
});

test("with --on-cancel job a cancelled call cancels its job, and the next call is another", async () => {
  const gated = new GatedTools();
  await using server = await startServer(gated.options);
  await using bridge = await startBridge(server, { onCancel: "job" });
  const first = bridge.host.begin("tools/call", { name: "work", arguments: ARGS });
  await gated.untilRuns(1);
  cancel(bridge.host, first.id);
  await eventually("the job is cancelled", () => gated.cancelled.length === 1);
  const again = bridge.host.call("work", ARGS);
  await gated.untilRuns(2);
  gated.open();
  assert.not.match(textOf(await again), CONTINUED);
});

for (const onCancel of ["job", "detach"] as const) {
  test(`the end of the bridge cancels no job with --on-cancel ${onCancel}`, async () => {
    const gated = new GatedTools();
    await using server = await startServer(gated.options);
    const bridge = await startBridge(server, { onCancel, waitMs: 100 });
    const called = bridge.host.begin("tools/call", { name: "work", arguments: ARGS });
    await gated.untilRuns(1);
    bridge.host.input.end();
    await bridge.bridge.inputEnded;
    await bridge.bridge.drain();
    const { result } = await called.answer;
    const { job_id } = result.structuredContent;
    gated.open();
    const snapshot = await server.client().job(job_id).result();
    assert.equal(await snapshot.json(), { count: 2, total: 42 });
    assert.equal(gated.cancelled, []);
  });
}

test.run();

import { join } from "node:path";
import { eventually } from "../../support/eventually.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";
import { startFixture } from "./running-fixture.ts";

/* Tools of MCP servers that run as jobs. */
const test = suite("mcp/servers/jobs");

const LEGACY = join(import.meta.dirname, "legacy-process.ts");
const jobs = ["files_slow_*", "files_hang", "files_crash"];

test("a tool that a pattern names is a job with one attempt, and reports its progress", async () => {
  await using fixture = await startFixture({ files: { jobs } });
  const client = fixture.server.client();
  const { tools } = await client.listTools();
  assert.is(tools.find(({ name }) => name === "files_slow_job")?.job?.maxAttempts, 1);
  assert.is(tools.find(({ name }) => name === "files_greet")?.job, undefined);
  const { job } = await client.call("files_slow_job", { arguments: {} });
  const handle = client.job(job?.jobId ?? "");
  const seen: string[] = [];
  for await (const { progress } of handle.watch()) {
    if (progress !== undefined) seen.push(`${progress.completed}/${progress.total} ${progress.message}`);
  }
  assert.ok(seen.includes("250/1000 at 0.25") || seen.includes("500/1000 at 0.5"), seen.join());
  assert.equal(await (await handle.result()).json(), { content: [{ text: { text: "finished" } }] });
  await rejection("ARGS_INVALID", client.call("files_greet", { arguments: { name: 5 } }));
});

test("a job whose server crashes fails, and no other attempt follows", async () => {
  await using fixture = await startFixture({ files: { jobs } });
  const client = fixture.server.client();
  const { job } = await client.call("files_crash", { arguments: {} });
  await rejection("OUTCOME_UNKNOWN", client.job(job?.jobId ?? "").result());
  assert.is(fixture.lines("calls.log").length, 1);
});

test("a drain does not run a job twice: it fails with OUTCOME_UNKNOWN", async () => {
  await using fixture = await startFixture({ files: { jobs } });
  const client = fixture.server.client();
  const { job } = await client.call("files_hang", { arguments: {} });
  await eventually("the call", () => fixture.lines("calls.log").length === 1);
  await fixture.server.server.drain(0);
  const stored = await fixture.server.store.jobs.get("alice", job?.jobId ?? "");
  assert.is(stored?.state, "FAILED");
  assert.is(stored?.error?.reason, "OUTCOME_UNKNOWN");
});

test("a cancelled job is cancelled at the server", async () => {
  await using fixture = await startFixture({ files: { jobs } });
  const client = fixture.server.client();
  const { job } = await client.call("files_hang", { arguments: {} });
  await eventually("the call", () => fixture.lines("calls.log").length === 1);
  await client.job(job?.jobId ?? "").cancel();
  await eventually("the cancellation", () => fixture.lines("calls.log").includes("hang was cancelled"));
});

test("jobs wait while their server is away, and run when it is back", async () => {
  await using fixture = await startFixture({ files: { jobs } });
  const client = fixture.server.client();
  process.kill(fixture.mcp.pids[0] ?? 0, "SIGKILL");
  await eventually("the end of the server", () => fixture.log().includes("an MCP server has ended"));
  const { job } = await client.call("files_slow_job", { arguments: {} });
  await client.job(job?.jobId ?? "").result();
});

test("an older server that ends when it is asked anything else first is used, and its tasks are jobs", async () => {
  const others = [{ name: "old", command: [process.execPath, LEGACY] }];
  await using fixture = await startFixture({ others });
  const client = fixture.server.client();
  const { job } = await client.call("old_build", { arguments: {} });
  assert.equal(await (await client.job(job?.jobId ?? "").result()).json(), { content: [{ text: { text: "built" } }] });
});

test("a cancelled job cancels its task", async () => {
  const others = [{ name: "old", command: [process.execPath, LEGACY, "forever"] }];
  await using fixture = await startFixture({ others });
  const client = fixture.server.client();
  const { job } = await client.call("old_build", { arguments: {} });
  const handle = client.job(job?.jobId ?? "");
  await eventually("its progress", async () => (await handle.poll()).progress);
  await handle.cancel();
  await eventually("the cancellation", () => fixture.log().includes("the task was cancelled"));
});

test.run();

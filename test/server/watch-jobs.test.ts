import { StartLongTaskRequest } from "../../gen/sealwire/demo/v1/start_long_task.ts";
import { CancelJobRequest } from "../../gen/sealwire/system/v1/cancel_job.ts";
import { WatchJobsRequest, WatchJobsResponse } from "../../gen/sealwire/system/v1/watch_jobs.ts";
import { JobState } from "../../gen/sealwire/v1/job.ts";
import { type Response, Status } from "../../gen/sealwire/v1/response.ts";
import { SealwireClient } from "../../src/client/client.ts";
import { eventually } from "../support/eventually.ts";
import { type RawAnswer, RawClient, type RawRequest } from "../support/raw-client.ts";
import { removeClient, startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("server/watch-jobs");

async function startTask(client: RawClient, seconds: number): Promise<string> {
  const answer = await client.call({
    tool: "start_long_task",
    type: "sealwire.demo.v1.StartLongTaskRequest",
    value: StartLongTaskRequest.encode({ seconds, payload: { a: 1 } }).finish(),
  });
  return answer.responses[0]?.job?.jobId ?? "";
}

async function cancel(client: RawClient, jobId: string): Promise<void> {
  const value = CancelJobRequest.encode({ jobId }).finish();
  await client.call({ tool: "cancel_job", type: "sealwire.system.v1.CancelJobRequest", value });
}

function watchOf(options: Partial<WatchJobsRequest> = {}): RawRequest {
  return {
    tool: "watch_jobs",
    type: "sealwire.system.v1.WatchJobsRequest",
    value: WatchJobsRequest.encode(WatchJobsRequest.fromPartial(options)).finish(),
  };
}

function messages({ responses }: RawAnswer): WatchJobsResponse[] {
  return responses.flatMap(({ result }) => (result === undefined ? [] : [WatchJobsResponse.decode(result.value)]));
}

function jobsOf(answer: RawAnswer): string[] {
  return messages(answer).flatMap(({ jobs }) => jobs.map(({ jobId, revision }) => `${jobId} ${revision}`));
}

/** Collects a watch in the background; `seen` grows as messages come. */
function watching(client: RawClient, options: Partial<WatchJobsRequest> = {}) {
  const seen: WatchJobsResponse[] = [];
  const answer = client.watch(watchOf(options), (response: Response) => {
    if (response.result !== undefined) seen.push(WatchJobsResponse.decode(response.result.value));
  });
  const states = () =>
    new Map(seen.flatMap(({ jobs }) => jobs.map(({ jobId, state }) => [jobId, state] as [string, JobState])));
  return { seen, states, answer };
}

test("one stream tells of every job of the client, signed and numbered, until the server drains", async () => {
  await using server = await startServer({ clients: { alice: {}, bob: {} } });
  using alice = new RawClient(server.address, server.credentials("alice"));
  using bob = new RawClient(server.address, server.credentials("bob"));
  const open = await startTask(alice, 20);
  const foreign = await startTask(bob, 20);
  const watch = watching(alice);
  await eventually("the open job is told", () => watch.states().has(open));
  const short = await startTask(alice, 1);
  await eventually("the short job ends", () => watch.states().get(short) === JobState.SUCCEEDED);
  await cancel(alice, open);
  await eventually("the open job ends", () => watch.states().get(open) === JobState.CANCELLED);
  assert.not(watch.states().has(foreign));
  void server.server.drain();
  const answer = await watch.answer;
  assert.is(answer.reason, "DRAINING");
  // The client verifies each signature and its sequence; the last is the refusal.
  assert.ok(answer.responses.slice(0, -1).every(({ status }) => status === Status.OK));
  assert.is(messages(answer)[0]?.jobs.length, 0, "the first message comes before any job");
  assert.ok(messages(answer).every(({ resumeTime }) => resumeTime !== undefined));
  assert.equal(jobsOf(answer), [...new Set(jobsOf(answer))], "no revision comes twice");
});

test("hundreds of jobs come 100 to a message", async () => {
  await using server = await startServer({ work: false });
  using client = new RawClient(server.address, server.credentials());
  await Promise.all(Array.from({ length: 250 }, () => startTask(client, 1)));
  const watch = watching(client);
  await eventually("all are told", () => watch.states().size === 250);
  const sizes = watch.seen.map(({ jobs }) => jobs.length);
  assert.ok(Math.max(...sizes) <= 100 && sizes.length <= 5, sizes.join());
  void server.server.drain();
  await watch.answer;
});

test("silence gives heartbeats without jobs, at the interval that was asked for", async () => {
  await using server = await startServer({ work: false });
  using client = new RawClient(server.address, server.credentials());
  await startTask(client, 1);
  const watch = watching(client, { heartbeatIntervalMs: 100 });
  await eventually("three heartbeats come", () => watch.seen.length === 5);
  assert.equal(
    watch.seen.map(({ jobs }) => jobs.length),
    [0, 1, 0, 0, 0],
  );
  void server.server.drain();
  await watch.answer;
});

test("it counts as one open watch, which a reader that leaves gives back", async () => {
  await using server = await startServer({ clients: { alice: { limits: { openWatches: 1 } } } });
  using raw = new RawClient(server.address, server.credentials());
  await using client = new SealwireClient({ credentials: server.credentials() });
  const jobId = await startTask(raw, 20);
  const first = client.watchJobs();
  assert.is((await first.next()).value?.jobId, jobId);
  assert.is((await raw.watch(watchOf())).reason, "QUOTA_EXCEEDED");
  await first.return();
  for await (const job of client.watchJobs()) {
    assert.is(job.jobId, jobId);
    break;
  }
});

test("it ends with KEY_REVOKED when its key is revoked", async () => {
  await using server = await startServer();
  using client = new RawClient(server.address, server.credentials());
  const watch = watching(client);
  await eventually("the watch is open", () => watch.seen.length > 0);
  removeClient(server, "alice");
  assert.is((await watch.answer).reason, "KEY_REVOKED");
});

test("it ends with WATCH_EXPIRED at its maximum age", async () => {
  await using server = await startServer({ limits: { watchTimeoutMs: 100 } });
  using client = new RawClient(server.address, server.credentials());
  assert.is((await client.watch(watchOf())).reason, "WATCH_EXPIRED");
});

test("a time that no Timestamp holds, and the wrong RPC, are refused", async () => {
  await using server = await startServer();
  using client = new RawClient(server.address, server.credentials());
  const endedSince = { seconds: -1n, nanos: 0 };
  assert.is((await client.watch(watchOf({ endedSince }))).reason, "ARGS_INVALID");
  assert.is((await client.call(watchOf())).reason, "TOOL_RPC_MISMATCH");
});

test.run();

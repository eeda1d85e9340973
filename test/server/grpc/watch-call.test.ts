import { StartLongTaskRequest } from "../../../gen/sealwire/demo/v1/start_long_task.ts";
import { WatchJobRequest, WatchJobResponse } from "../../../gen/sealwire/system/v1/watch_job.ts";
import { JobState } from "../../../gen/sealwire/v1/job.ts";
import { type Response, Status } from "../../../gen/sealwire/v1/response.ts";
import { type RawAnswer, RawClient, type RawRequest } from "../../support/raw-client.ts";
import { removeClient, startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("server/grpc/watch-call");

const UNAVAILABLE = 14;

async function startTask(client: RawClient, seconds: number): Promise<string> {
  const answer = await client.call({
    tool: "start_long_task",
    type: "sealwire.demo.v1.StartLongTaskRequest",
    value: StartLongTaskRequest.encode({ seconds, payload: { a: 1 } }).finish(),
  });
  return answer.responses[0]?.job?.jobId ?? "";
}

function watchOf(jobId: string, options: Partial<WatchJobRequest> = {}): RawRequest {
  const request = WatchJobRequest.fromPartial({ jobId, ...options });
  return {
    tool: "watch_job",
    type: "sealwire.system.v1.WatchJobRequest",
    value: WatchJobRequest.encode(request).finish(),
  };
}

function jobs({ responses }: RawAnswer): WatchJobResponse[] {
  return responses.map((response) => readJob(response)).filter((job) => job !== undefined);
}

function readJob({ result }: Response): WatchJobResponse | undefined {
  return result && WatchJobResponse.decode(result.value);
}

test("a watch tells every state in order and ends with the terminal one and its output", async () => {
  await using server = await startServer();
  using client = new RawClient(server.address, server.credentials());
  const answer = await client.watch(watchOf(await startTask(client, 1)));
  assert.is(answer.code, 0);
  const seen = jobs(answer);
  const revisions = seen.map(({ job }) => Number(job?.revision));
  assert.equal(
    revisions,
    [...new Set(revisions)].sort((a, b) => a - b),
  );
  assert.is(seen.at(-1)?.job?.state, JobState.SUCCEEDED);
  assert.is(answer.responses.at(-1)?.status, Status.DONE);
  assert.is(seen.at(-1)?.output?.typeUrl, "type.googleapis.com/sealwire.demo.v1.StartLongTaskResponse");
});

test("who already knows the terminal revision is told it once more", async () => {
  await using server = await startServer();
  using client = new RawClient(server.address, server.credentials());
  const jobId = await startTask(client, 1);
  const last = jobs(await client.watch(watchOf(jobId))).at(-1)?.job;
  const again = jobs(await client.watch(watchOf(jobId, { afterRevision: last?.revision ?? 0n })));
  assert.equal(
    again.map(({ job }) => job?.revision),
    [last?.revision],
  );
});

test("a silent job gives a heartbeat", async () => {
  await using server = await startServer({ work: false });
  using client = new RawClient(server.address, server.credentials());
  const jobId = await startTask(client, 1);
  const heartbeats = Promise.withResolvers<void>();
  let count = 0;
  const watch = client.watch(watchOf(jobId, { heartbeatIntervalMs: 100 }), () => {
    count += 1;
    if (count === 3) heartbeats.resolve();
  });
  await heartbeats.promise;
  void server.server.drain();
  const answer = await watch;
  assert.equal(new Set(jobs(answer).map(({ job }) => job?.revision)).size, 1, "a heartbeat repeats the revision");
});

test("a watch of an absent job is refused as NOT_FOUND", async () => {
  await using server = await startServer();
  using client = new RawClient(server.address, server.credentials());
  assert.is((await client.watch(watchOf("absent"))).reason, "JOB_NOT_FOUND");
});

const ENDINGS: [string, string, (server: Awaited<ReturnType<typeof startServer>>) => void][] = [
  ["when the server drains", "DRAINING", (server) => void server.server.drain()],
  ["when its key is revoked", "KEY_REVOKED", (server) => removeClient(server, "alice")],
];

for (const [when, reason, act] of ENDINGS) {
  test(`a watch ends with ${reason} ${when}, signed and numbered`, async () => {
    await using server = await startServer();
    using client = new RawClient(server.address, server.credentials());
    const first = Promise.withResolvers<void>();
    const watch = client.watch(watchOf(await startTask(client, 20)), () => first.resolve());
    await first.promise;
    act(server);
    const answer = await watch;
    assert.is(answer.reason, reason);
    assert.is(answer.responses.at(-1)?.ok, false);
  });
}

test("a watch ends with UNAVAILABLE at its maximum age, to be resumed", async () => {
  await using server = await startServer({ limits: { watchTimeoutMs: 100 } });
  using client = new RawClient(server.address, server.credentials());
  const answer = await client.watch(watchOf(await startTask(client, 20)));
  assert.is(answer.code, UNAVAILABLE);
  assert.is(answer.reason, "WATCH_EXPIRED");
});

test("a watch ends when its key is past its time", async () => {
  await using server = await startServer({ clients: { alice: { notAfterMs: Date.now() + 3_000 } } });
  using client = new RawClient(server.address, server.credentials());
  const answer = await client.watch(watchOf(await startTask(client, 20)));
  assert.is(answer.reason, "KEY_REVOKED");
});

test.run();

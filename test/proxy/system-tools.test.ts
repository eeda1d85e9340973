import { status } from "@grpc/grpc-js";
import { ListJobsRequest, ListJobsResponse } from "../../gen/sealwire/system/v1/list_jobs.ts";
import { PollJobRequest, PollJobResponse } from "../../gen/sealwire/system/v1/poll_job.ts";
import { ServerIdentityResponse } from "../../gen/sealwire/system/v1/server_identity.ts";
import { WatchJobRequest, WatchJobResponse } from "../../gen/sealwire/system/v1/watch_job.ts";
import { WatchJobsRequest, WatchJobsResponse } from "../../gen/sealwire/system/v1/watch_jobs.ts";
import { JobState } from "../../gen/sealwire/v1/job.ts";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { infoOf, type NativeAnswer } from "./native-client.ts";
import { startProxy } from "./running-proxy.ts";

/* The system tools, called natively through a proxy. */
const test = suite("proxy/system-tools");

const SYSTEM = "sealwire.system.v1.SystemToolService";

async function scene() {
  const server = await startServer();
  const proxy = await startProxy(server.client("alice", { pipeline: false }));
  const client = server.client();
  const start = async (seconds: number): Promise<string> =>
    (await client.call("start_long_task", { seconds, payload: {} })).job?.jobId ?? "";
  return {
    ...proxy,
    client,
    start,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function first({ messages }: NativeAnswer): Buffer {
  return messages[0] ?? Buffer.alloc(0);
}

test("unary system tools answer, also about a job that has failed", async () => {
  await using on = await scene();
  const identity = await on.native.call(`${SYSTEM}/ServerIdentity`, new Uint8Array());
  assert.is(ServerIdentityResponse.decode(first(identity)).serverId, "test-server");
  const jobId = await on.start(20);
  const jobs = await on.native.call(
    `${SYSTEM}/ListJobs`,
    ListJobsRequest.encode(ListJobsRequest.fromPartial({})).finish(),
  );
  assert.equal(
    ListJobsResponse.decode(first(jobs)).jobs.map((job) => job.jobId),
    [jobId],
  );
  assert.is(
    (await on.native.call(`${SYSTEM}/CancelJob`, PollJobRequest.encode(PollJobRequest.fromPartial({ jobId })).finish()))
      .code,
    0,
  );
  const poll = PollJobRequest.encode(PollJobRequest.fromPartial({ jobId })).finish();
  const polled = await eventually("the job is cancelled", async () => {
    const answer = await on.native.call(`${SYSTEM}/PollJob`, poll);
    assert.is(answer.code, status.OK);
    return PollJobResponse.decode(first(answer)).job?.state === JobState.CANCELLED;
  });
  assert.ok(polled);
});

test("a job that is not there is NOT_FOUND", async () => {
  await using on = await scene();
  for (const method of ["PollJob", "WatchJob"]) {
    const answer = await on.native.call(
      `${SYSTEM}/${method}`,
      WatchJobRequest.encode(WatchJobRequest.fromPartial({ jobId: "no" })).finish(),
    );
    assert.equal([answer.code, infoOf(answer).reason], [status.NOT_FOUND, "JOB_NOT_FOUND"], method);
  }
});

test("WatchJob streams the states of a job, heartbeats too, and ends after the last", async () => {
  await using on = await scene();
  const request = WatchJobRequest.fromPartial({ jobId: await on.start(1), heartbeatIntervalMs: 100 });
  const answer = await on.native.call(`${SYSTEM}/WatchJob`, WatchJobRequest.encode(request).finish());
  const seen = answer.messages.map((message) => WatchJobResponse.decode(message));
  assert.is(answer.code, status.OK);
  assert.is(seen.at(-1)?.job?.state, JobState.SUCCEEDED);
  assert.ok(seen.at(-1)?.output);
  assert.ok(seen.length > new Set(seen.map(({ job }) => job?.revision)).size);
});

test("WatchJobs streams all jobs until the caller leaves", async () => {
  await using on = await scene();
  const call = on.native.open(
    `${SYSTEM}/WatchJobs`,
    WatchJobsRequest.encode(WatchJobsRequest.fromPartial({})).finish(),
  );
  const jobId = await on.start(1);
  const ended = (message: Buffer) =>
    WatchJobsResponse.decode(message).jobs.some((job) => job.jobId === jobId && job.state === JobState.SUCCEEDED);
  await eventually("the job ends", () => call.messages.some(ended));
  call.cancel();
  assert.is((await call.answer).code, status.CANCELLED);
});

test("requests of watches that break a rule or do not decode are refused as those of other tools", async () => {
  await using on = await scene();
  const broken = [
    WatchJobRequest.encode(WatchJobRequest.fromPartial({ jobId: "" })).finish(),
    WatchJobRequest.encode(WatchJobRequest.fromPartial({ jobId: "x", afterRevision: -1n })).finish(),
    WatchJobRequest.encode(WatchJobRequest.fromPartial({ jobId: "x", heartbeatIntervalMs: 1 })).finish(),
    Buffer.from([0xff, 0xff]),
  ];
  for (const request of broken) {
    const answer = await on.native.call(`${SYSTEM}/WatchJob`, request);
    assert.equal([answer.code, infoOf(answer).reason], [status.INVALID_ARGUMENT, "ARGS_INVALID"], String(request));
  }
});

test.run();

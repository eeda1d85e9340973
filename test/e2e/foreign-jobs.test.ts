import { randomUUID } from "node:crypto";
import { Client, credentials as channelCredentials, type Metadata } from "@grpc/grpc-js";
import { Status as RpcStatus } from "../../gen/google/rpc/status.ts";
import { CancelJobRequest } from "../../gen/sealwire/system/v1/cancel_job.ts";
import { PollJobRequest } from "../../gen/sealwire/system/v1/poll_job.ts";
import { WatchJobRequest } from "../../gen/sealwire/system/v1/watch_job.ts";
import { Response } from "../../gen/sealwire/v1/response.ts";
import { SealwireClient } from "../../src/client/client.ts";
import { readFrame } from "../../src/wire/frame.ts";
import { CALL_METHOD, WATCH_JOB_METHOD } from "../../src/wire/limits.ts";
import { type RawRequest, signRaw } from "../support/raw-client.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("e2e/foreign-jobs");

let server: TestServer;
let channel: Client;
const foreign: Record<string, string> = {};

test.before(async () => {
  server = await startServer({ clients: { alice: {}, bob: {} } });
  channel = new Client(server.address, channelCredentials.createInsecure(), { "grpc.enable_retries": 0 });
  await using alice = new SealwireClient({ credentials: server.credentials("alice") });
  const start = async (seconds: number) => (await alice.call("start_long_task", { seconds })).job?.jobId ?? "";
  foreign.running = await start(20);
  foreign.succeeded = await start(1);
  foreign.cancelled = await start(20);
  await alice.job(foreign.cancelled).cancel();
  await alice.job(foreign.succeeded).result();
});

test.after(async () => {
  channel.close();
  await server[Symbol.asyncDispose]();
});

/** Everything that a caller can see of a refusal, but for what belongs to the one request: its ids, times, signature. */
interface Seen {
  readonly code: number;
  readonly details: string;
  readonly metadata: readonly string[];
  readonly status: RpcStatus;
  readonly response: Response;
  readonly keyId: string;
}

const sameBytes = (bytes: Buffer): Buffer => bytes;

async function refusalOf(request: RawRequest, jobId: string): Promise<Seen> {
  const { frame, method, requestId } = signRaw(server.credentials("bob"), request);
  const error = await new Promise<{ code: number; details: string; metadata: Metadata }>((resolve, reject) => {
    const stream = channel.makeServerStreamRequest(method, sameBytes, sameBytes, frame);
    stream.on("data", () => reject(new Error("a foreign job was shown")));
    stream.on("error", resolve);
    stream.on("end", () => {});
  });
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  const status = RpcStatus.decode(bytes as Buffer);
  const signed = status.details.find(({ typeUrl }) => /\/sealwire\.v1\.\w+JobResponse$|CallResponse$/.test(typeUrl));
  const { content, keyId } = readFrame(signed?.value ?? new Uint8Array());
  const response = Response.decode(content);
  assert.is(response.requestId, requestId);
  assert.not(Buffer.from(content).includes(jobId), "the job id is not repeated");
  const frameLength = signed?.value.length ?? 0;
  return {
    code: error.code,
    details: error.details,
    metadata: Object.keys(error.metadata.getMap()).sort(),
    status: {
      ...status,
      details: status.details.map((detail) =>
        detail === signed ? { ...detail, value: Buffer.alloc(frameLength) } : detail,
      ),
    },
    response: { ...response, requestId: "", tsMs: 0n },
    keyId,
  };
}

const ASKING: [string, (jobId: string) => RawRequest][] = [
  ["poll_job", (jobId) => poll(jobId, 0, 0n)],
  ["poll_job that waits", (jobId) => poll(jobId, 1000, 0n)],
  ["poll_job after a revision", (jobId) => poll(jobId, 1000, 5n)],
  [
    "cancel_job",
    (jobId) => ({
      tool: "cancel_job",
      type: "sealwire.system.v1.CancelJobRequest",
      method: CALL_METHOD,
      value: CancelJobRequest.encode({ jobId }).finish(),
    }),
  ],
  ["watch_job", (jobId) => watch(jobId, 0n)],
  ["watch_job after a revision", (jobId) => watch(jobId, 9n)],
];

function poll(jobId: string, waitMs: number, afterRevision: bigint): RawRequest {
  const value = PollJobRequest.encode({ jobId, waitMs, afterRevision, includeAttempts: false }).finish();
  return { tool: "poll_job", type: "sealwire.system.v1.PollJobRequest", method: CALL_METHOD, value };
}

function watch(jobId: string, afterRevision: bigint): RawRequest {
  const value = WatchJobRequest.encode({ jobId, afterRevision, heartbeatIntervalMs: 0 }).finish();
  return { tool: "watch_job", type: "sealwire.system.v1.WatchJobRequest", method: WATCH_JOB_METHOD, value };
}

for (const [name, ask] of ASKING) {
  test(`${name} answers about another client's job exactly as about an absent one`, async () => {
    const absent = randomUUID();
    const expected = await refusalOf(ask(absent), absent);
    assert.is(expected.code, 5, "NOT_FOUND");
    for (const jobId of Object.values(foreign)) assert.equal(await refusalOf(ask(jobId), jobId), expected);
  });
}

test("another client's jobs are in no list, and its request ids are free for others", async () => {
  await using bob = new SealwireClient({ credentials: server.credentials("bob") });
  await using alice = new SealwireClient({ credentials: server.credentials("alice") });
  assert.equal((await bob.listJobs()).jobs, []);
  const mine = await alice.call("start_long_task", { seconds: 1 }, { requestId: "shared-id" });
  const his = await bob.call("start_long_task", { seconds: 2 }, { requestId: "shared-id" });
  assert.is.not(mine.job?.jobId, his.job?.jobId);
  assert.equal(
    (await bob.listJobs()).jobs.map(({ jobId }) => jobId),
    [his.job?.jobId],
  );
});

test("a cancel by another client does nothing", async () => {
  await using alice = new SealwireClient({ credentials: server.credentials("alice") });
  const job = await alice.job(foreign.running ?? "").poll();
  assert.equal([job.state, job.cancelRequested], ["RUNNING", false]);
});

test.run();

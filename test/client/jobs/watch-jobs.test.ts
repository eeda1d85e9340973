import { status } from "@grpc/grpc-js";
import { type Job, JobState } from "../../../gen/sealwire/v1/job.ts";
import { SealwireClient } from "../../../src/client/client.ts";
import type { WatchJobsOptions } from "../../../src/client/jobs/watch-jobs.ts";
import type { ClientOptions } from "../../../src/client/options.ts";
import { SealwireError } from "../../../src/errors.ts";
import { toTimeMs } from "../../../src/wire/duration.ts";
import { eventually } from "../../support/eventually.ts";
import { assert, suite } from "../../support/suite.ts";
import { type JobsResponseFields, jobFrame, jobsFrame, watchJobsRequest } from "../peers/jobs.ts";
import {
  type Behaviour,
  type Failure,
  makeCredentials,
  type Received,
  refuse,
  type SignedPeer,
  startPeer,
  unsigned,
} from "../peers/signed-peer.ts";
import { thrownBy } from "../peers/thrown.ts";

const test = suite("client/jobs/watch-jobs");
const credentials = makeCredentials("");
const quick = { initialDelayMs: 1, maxDelayMs: 4 };
const { QUEUED, RUNNING, SUCCEEDED, CANCELLED } = JobState;
const time = (ms: number) => ({ seconds: BigInt(ms / 1000), nanos: 0 });

async function withPeer(
  watch: NonNullable<Behaviour["watch"]>,
  body: (client: SealwireClient, peer: SignedPeer) => Promise<void>,
  options: Partial<ClientOptions> = {},
): Promise<void> {
  await using peer = await startPeer({ watch }, { credentials });
  await using client = new SealwireClient({ credentials: peer.credentials, retry: quick, ...options });
  await body(client, peer);
}

/** Follows until the job "last" has ended; gives "job-1 2" for each state. */
async function follow(client: SealwireClient, options: WatchJobsOptions = {}): Promise<string[]> {
  const seen: string[] = [];
  for await (const { jobId, revision, state } of client.watchJobs(options)) {
    seen.push(`${jobId} ${revision}`);
    if (jobId === "last" && state === "SUCCEEDED") break;
  }
  return seen;
}

const message = (received: Received, jobs: readonly Partial<Job>[], fields: JobsResponseFields = {}): Buffer =>
  jobsFrame(credentials, received, jobs, fields);
const job = (jobId: string, state: JobState, revision: number, fields: Partial<Job> = {}): Partial<Job> => ({
  jobId,
  state,
  revision: BigInt(revision),
  ...fields,
});
const last = job("last", SUCCEEDED, 9, { endTime: time(9_000) });

test("every newer state of every job is yielded, and what came before is not", async () => {
  await withPeer(
    (received, reply) => {
      reply.send(message(received, [], { sequence: 1 }));
      reply.send(message(received, [job("a", QUEUED, 1), job("b", RUNNING, 4)], { sequence: 2 }));
      reply.send(message(received, [], { sequence: 3 }));
      reply.send(message(received, [job("a", RUNNING, 2), job("b", RUNNING, 4), last], { sequence: 4 }));
    },
    async (client, peer) => {
      assert.equal(await follow(client), ["a 1", "b 4", "a 2", "last 9"]);
      const asked = watchJobsRequest(peer.watches[0] as Received);
      assert.equal([asked.tool, asked.endedSince, asked.heartbeatIntervalMs], ["", undefined, 15_000]);
      assert.is(peer.watches[0]?.envelope.tool, "watch_jobs");
    },
  );
});

/** Ways in which a stream may end; all are resumed from the newest time to resume, under the same request id. */
const endings: [string, (received: Received) => Failure | "cut"][] = [
  ["an unsigned UNAVAILABLE", () => unsigned(new SealwireError("UNAVAILABLE"))],
  ["a signed DRAINING", (received) => refuse(credentials, received, new SealwireError("DRAINING"), { sequence: 3n })],
  ["a reset", () => ({ code: status.INTERNAL, details: "Received RST_STREAM with code 2" })],
  ["a truncation", () => "cut"],
];

for (const [name, ending] of endings) {
  test(`a watch that ends with ${name} is resumed, and nothing is yielded twice`, async () => {
    await withPeer(
      (received, reply, attempt) => {
        const over = job("over", CANCELLED, 3, { endTime: time(5_000) });
        if (attempt === 1) {
          reply.send(message(received, [], { sequence: 1, resumeMs: 1_000 }));
          reply.send(message(received, [job("a", RUNNING, 2), over], { sequence: 2, resumeMs: 5_000 }));
          const given = ending(received);
          return given === "cut" ? reply.end() : reply.fail(given);
        }
        reply.send(message(received, [], { sequence: 1, resumeMs: 5_000 }));
        reply.send(message(received, [job("a", RUNNING, 2), job("new", QUEUED, 1), over, last], { sequence: 2 }));
      },
      async (client, peer) => {
        assert.equal(await follow(client), ["a 2", "over 3", "new 1", "last 9"]);
        const [first, second] = peer.watches as [Received, Received];
        assert.is(toTimeMs(watchJobsRequest(second).endedSince ?? time(0)), 5_000);
        assert.is(first.envelope.requestId, second.envelope.requestId);
        assert.not.equal(first.envelope.nonce, second.envelope.nonce);
      },
    );
  });
}

test("a watch that falls silent is resumed", async () => {
  await withPeer(
    (received, reply, attempt) => {
      reply.send(message(received, attempt === 1 ? [] : [last]));
    },
    async (client, peer) => {
      assert.equal(await follow(client), ["last 9"]);
      assert.is(peer.watches.length, 2);
    },
    { heartbeatIntervalMs: 100 },
  );
});

test("the time that the caller gives counts until the server says where to resume", async () => {
  await withPeer(
    (received, reply, attempt) => {
      if (attempt === 2) reply.send(message(received, [], { resumeMs: 3_000 }));
      if (attempt < 3) return reply.fail(unsigned(new SealwireError("UNAVAILABLE")));
      reply.send(message(received, [last]));
    },
    async (client, peer) => {
      await follow(client, { endedSinceMs: 7_000.5, tool: "start_long_task" });
      const asked = peer.watches.map(watchJobsRequest);
      assert.equal(
        asked.map(({ endedSince, tool }) => [toTimeMs(endedSince ?? time(0)), tool]),
        [
          [7_000, "start_long_task"],
          [7_000, "start_long_task"],
          [3_000, "start_long_task"],
        ],
      );
    },
  );
});

/** What does not come from the server, or not as an answer to this request. A watch ends at once. */
const forgeries: [string, (received: Received) => Buffer[]][] = [
  ["a gap in the sequence", (r) => [message(r, []), message(r, [last], { sequence: 3 })]],
  ["a stream that begins at 2", (r) => [message(r, [last], { sequence: 2 })]],
  ["a message sent twice", (r) => Array<Buffer>(2).fill(message(r, [job("a", RUNNING, 1)]))],
  ["a wrong key", (r) => [jobsFrame(makeCredentials(""), r, [last])]],
  ["the signature of another request", (r) => [message({ ...r, signature: Buffer.alloc(32) }, [last])]],
];

/** What no honest server sends. A watch ends at once. */
const lies: [string, (received: Received) => Buffer[]][] = [
  [
    "a falling revision",
    (r) => [message(r, [job("a", RUNNING, 3)]), message(r, [job("a", RUNNING, 2)], { sequence: 2 })],
  ],
  ["a falling revision in one message", (r) => [message(r, [job("a", RUNNING, 3), job("a", RUNNING, 2)])]],
  ["another state at the same revision", (r) => [message(r, [job("a", QUEUED, 2), job("a", RUNNING, 2)])]],
  ["a state after the terminal one", (r) => [message(r, [job("a", CANCELLED, 2), job("a", RUNNING, 3)])]],
  ["a job of another tool", (r) => [message(r, [job("a", RUNNING, 1, { tool: "resize" })])]],
  ["an unknown state", (r) => [message(r, [job("a", 42 as JobState, 1)])]],
  ["no time to resume", (r) => [message(r, [last], { resumeMs: null })]],
  ["a status that is not OK", (r) => [message(r, [last], { status: 3, ok: true })]],
  ["no result", (r) => [message(r, [last], { result: undefined })]],
  ["the answer of another tool", (r) => [jobFrame(credentials, r, { state: RUNNING }, { sequence: 1 })]],
];

for (const [name, lie, reason] of [
  ...forgeries.map(([name, lie]) => [name, lie, "RESPONSE_UNVERIFIED"] as const),
  ...lies.map(([name, lie]) => [name, lie, "RESPONSE_INVALID"] as const),
]) {
  test(`${name} ends the watch with ${reason}`, async () => {
    await withPeer(
      (received, reply) => {
        for (const frame of lie(received)) reply.send(frame);
      },
      async (client, peer) => {
        const error = await thrownBy(() => follow(client, { tool: "start_long_task" }));
        assert.is(error.reason, reason, error.message);
        assert.is(peer.watches.length, 1);
      },
    );
  });
}

test("a revision that falls after resuming is refused", async () => {
  await withPeer(
    (received, reply, attempt) => {
      reply.send(message(received, [job("a", RUNNING, attempt === 1 ? 7 : 5)]));
      reply.fail(unsigned(new SealwireError("UNAVAILABLE")));
    },
    async (client) => assert.is((await thrownBy(() => follow(client))).reason, "RESPONSE_INVALID"),
  );
});

test("a revoked key ends the watch, and so does a server that is never reached", async () => {
  await withPeer(
    (received, reply) => {
      reply.send(message(received, []));
      reply.fail(refuse(credentials, received, new SealwireError("KEY_REVOKED"), { sequence: 2n }));
    },
    async (client) => assert.is((await thrownBy(() => follow(client))).reason, "KEY_REVOKED"),
  );
  await withPeer(
    (_received, reply) => reply.fail(unsigned(new SealwireError("UNAVAILABLE"))),
    async (client, peer) => {
      assert.is((await thrownBy(() => follow(client))).reason, "UNREACHABLE");
      assert.is(peer.watches.length, 3);
    },
    { retry: { ...quick, maxAttempts: 3 } },
  );
});

test("leaving the loop, a signal, a limit of time and closing the client end the stream", async () => {
  let cancelled = 0;
  await withPeer(
    async (received, reply) => {
      reply.send(message(received, [job("a", RUNNING, 2)]));
      await reply.cancelled;
      cancelled += 1;
    },
    async (client) => {
      for await (const _job of client.watchJobs()) break;
      const controller = new AbortController();
      const reason = new SealwireError("CANCELLED", "enough");
      const aborted = thrownBy(async () => {
        for await (const _job of client.watchJobs({ signal: controller.signal })) controller.abort(reason);
      });
      assert.is(await aborted, reason);
      assert.is((await thrownBy(() => follow(client, { timeoutMs: 50 }))).reason, "DEADLINE_EXCEEDED");
      const closed = thrownBy(async () => {
        for await (const _job of client.watchJobs()) client.close();
      });
      assert.is((await closed).reason, "CANCELLED");
      await eventually("all streams are cancelled", () => cancelled === 4);
    },
  );
});

test("a time before 1970 is refused by name", async () => {
  await withPeer(
    () => {},
    async (client) => {
      const error = await thrownBy(() => follow(client, { endedSinceMs: -1 }));
      assert.is(error.reason, "OPTIONS_INVALID");
      assert.match(error.message, "endedSinceMs");
    },
  );
});

test.run();

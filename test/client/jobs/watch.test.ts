import { status } from "@grpc/grpc-js";
import { JobState } from "../../../gen/sealwire/v1/job.ts";
import { SealwireClient } from "../../../src/client/client.ts";
import type { JobSnapshot } from "../../../src/client/jobs/job-snapshot.ts";
import type { WatchOptions } from "../../../src/client/jobs/watch.ts";
import type { ClientOptions } from "../../../src/client/options.ts";
import { SealwireError } from "../../../src/errors.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { assert, suite } from "../../support/suite.ts";
import { type JobResponseFields, jobFrame, jobMessage, jobResponse, watchRequest } from "../peers/jobs.ts";
import {
  type Behaviour,
  type Failure,
  makeCredentials,
  type Received,
  refuse,
  type SignedPeer,
  sign,
  startPeer,
  unsigned,
} from "../peers/signed-peer.ts";
import { thrownBy } from "../peers/thrown.ts";

const test = suite("client/jobs/watch");
const credentials = makeCredentials("");
const quick = { initialDelayMs: 1, maxDelayMs: 4 };
const { QUEUED, RUNNING, SUCCEEDED, FAILED } = JobState;

async function withPeer(
  watch: NonNullable<Behaviour["watch"]>,
  body: (client: SealwireClient, peer: SignedPeer) => Promise<void>,
  options: Partial<ClientOptions> = {},
): Promise<void> {
  await using peer = await startPeer({ watch }, { credentials });
  await using client = new SealwireClient({ credentials: peer.credentials, retry: quick, ...options });
  await body(client, peer);
}

async function watchAll(client: SealwireClient, options: WatchOptions = {}): Promise<JobSnapshot[]> {
  const jobs: JobSnapshot[] = [];
  for await (const job of client.job("job-1").watch(options)) jobs.push(job);
  return jobs;
}

const revisions = (jobs: readonly JobSnapshot[]): number[] => jobs.map(({ revision }) => revision);

/** A signed message about job-1. */
const state = (
  received: Received,
  [number, revision, sequence]: readonly [state: JobState, revision: number, sequence: number],
  fields: JobResponseFields = {},
): Buffer => jobFrame(credentials, received, { state: number, revision: BigInt(revision) }, { sequence, ...fields });

test("every newer revision is yielded up to the terminal state", async () => {
  await withPeer(
    (received, reply) => {
      reply.send(state(received, [QUEUED, 1, 1]));
      reply.send(state(received, [RUNNING, 2, 2]));
      reply.send(state(received, [SUCCEEDED, 5, 3]));
      reply.end();
    },
    async (client, peer) => {
      const jobs = await watchAll(client);
      assert.equal(
        jobs.map((job) => [job.state, job.revision]),
        [
          ["QUEUED", 1],
          ["RUNNING", 2],
          ["SUCCEEDED", 5],
        ],
      );
      assert.is(jobs[0]?.createdAtMs, 1_700_000_000_500);
      assert.is(peer.watches.length, 1);
      assert.is(peer.watches[0]?.envelope.tool, "watch_job");
    },
  );
});

test("heartbeats are not yielded", async () => {
  await withPeer(
    (received, reply) => {
      reply.send(state(received, [RUNNING, 2, 1]));
      reply.send(state(received, [RUNNING, 2, 2]));
      reply.send(state(received, [RUNNING, 2, 3]));
      reply.send(state(received, [SUCCEEDED, 3, 4]));
    },
    async (client) => assert.equal(revisions(await watchAll(client)), [2, 3]),
  );
});

/** Ways in which a stream may end early; all are resumed after revision 2, under the same request id. */
const endings: [string, (received: Received) => Failure | "cut"][] = [
  ["an unsigned UNAVAILABLE", () => unsigned(new SealwireError("UNAVAILABLE"))],
  ["a signed DRAINING", (received) => refuse(credentials, received, new SealwireError("DRAINING"), { sequence: 2n })],
  [
    "a signed WATCH_EXPIRED",
    (received) => refuse(credentials, received, new SealwireError("WATCH_EXPIRED"), { sequence: 2n }),
  ],
  [
    "an unsigned INTERNAL, as of a reset stream",
    () => ({ code: status.INTERNAL, details: "Received RST_STREAM with code 2" }),
  ],
  ["an unsigned CANCELLED, as of a killed server", () => ({ code: status.CANCELLED, details: "Call cancelled" })],
  [
    "ENHANCE_YOUR_CALM",
    () => ({ code: status.RESOURCE_EXHAUSTED, details: "Bandwidth exhausted or memory limit exceeded" }),
  ],
  ["a truncation", () => "cut"],
];

for (const [name, ending] of endings) {
  test(`a watch that ends with ${name} is resumed by revision`, async () => {
    await withPeer(
      (received, reply, attempt) => {
        if (attempt === 1) {
          reply.send(state(received, [RUNNING, 2, 1]));
          const given = ending(received);
          if (given === "cut") reply.end();
          else reply.fail(given);
          return;
        }
        reply.send(state(received, [RUNNING, 3, 1]));
        reply.send(state(received, [SUCCEEDED, 4, 2]));
        reply.end();
      },
      async (client, peer) => {
        assert.equal(revisions(await watchAll(client)), [2, 3, 4]);
        assert.is(peer.watches.length, 2);
        const [first, second] = peer.watches as [Received, Received];
        assert.is(watchRequest(first).afterRevision, 0n);
        // After a stream that claimed to be complete the state is asked for anew.
        assert.is(watchRequest(second).afterRevision, ending(first) === "cut" ? 1n : 2n);
        assert.is(first.envelope.requestId, second.envelope.requestId);
        assert.not.equal(first.envelope.nonce, second.envelope.nonce);
      },
    );
  });
}

test("a resumed watch yields no revision twice", async () => {
  await withPeer(
    (received, reply, attempt) => {
      reply.send(state(received, [RUNNING, 2, 1]));
      if (attempt < 4) reply.end();
      else reply.send(state(received, [SUCCEEDED, 3, 2]));
    },
    async (client) => assert.equal(revisions(await watchAll(client)), [2, 3]),
  );
});

test("a watch that falls silent for 2.5 heartbeat intervals is resumed", async () => {
  let gone = false;
  await withPeer(
    async (received, reply, attempt) => {
      assert.is(watchRequest(received).heartbeatIntervalMs, 100);
      if (attempt === 1) {
        reply.send(state(received, [RUNNING, 2, 1]));
        await reply.cancelled;
        gone = true;
        return;
      }
      reply.send(state(received, [SUCCEEDED, 3, 1]));
    },
    async (client, peer) => {
      assert.equal(revisions(await watchAll(client)), [2, 3]);
      assert.is(peer.watches.length, 2);
      await eventually("the silent stream is cancelled", () => gone);
    },
    { heartbeatIntervalMs: 100 },
  );
});

test("the terminal state is yielded even to who knows its revision", async () => {
  await withPeer(
    (received, reply) => {
      reply.send(state(received, [SUCCEEDED, 4, 1]));
      reply.end();
    },
    async (client) => assert.equal(revisions(await watchAll(client, { afterRevision: 4 })), [4]),
  );
});

/** What does not come from the server, or not as an answer to this request. A watch ends at once. */
const forgeries: [string, (received: Received) => Buffer[]][] = [
  ["a gap in the sequence", (r) => [state(r, [RUNNING, 2, 1]), state(r, [SUCCEEDED, 3, 3])]],
  ["a repeated sequence number", (r) => [state(r, [RUNNING, 2, 1]), state(r, [SUCCEEDED, 3, 1])]],
  ["a stream that begins at 0", (r) => [state(r, [SUCCEEDED, 2, 0])]],
  ["a message sent twice", (r) => Array<Buffer>(2).fill(state(r, [RUNNING, 2, 1]))],
  ["a wrong signature", (r) => [sign(makeCredentials(""), r, jobResponse(r, jobMessage(), { sequence: 1 }))]],
  ["the signature of another request", (r) => [state({ ...r, signature: Buffer.alloc(32) }, [RUNNING, 2, 1])]],
];

/** What no honest server sends. A watch ends at once. */
const lies: [string, (received: Received) => Buffer[]][] = [
  ["a falling revision", (r) => [state(r, [RUNNING, 3, 1]), state(r, [RUNNING, 2, 2])]],
  ["another state at the same revision", (r) => [state(r, [QUEUED, 2, 1]), state(r, [RUNNING, 2, 2])]],
  ["another job", (r) => [jobFrame(credentials, r, { jobId: "job-2" }, { sequence: 1 })]],
  ["a status that does not fit the state", (r) => [state(r, [RUNNING, 2, 1], { status: 4, ok: true })]],
  [
    "an unknown state",
    (r) => [jobFrame(credentials, r, { state: 42 as JobState }, { sequence: 1, status: 3, ok: true })],
  ],
  ["the answer of another tool", (r) => [state(r, [RUNNING, 2, 1], { type: "PollJobResponse" })]],
  ["success without an output", (r) => [state(r, [SUCCEEDED, 2, 1], { output: null })]],
  ["no result", (r) => [state(r, [RUNNING, 2, 1], { result: undefined })]],
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
        const error = await thrownBy(() => watchAll(client));
        assert.is(error.reason, reason, error.message);
        assert.is(peer.watches.length, 1);
      },
    );
  });
}

test("a revision that falls after resuming is refused, also below what the caller knew", async () => {
  await withPeer(
    (received, reply, attempt) => {
      reply.send(state(received, [RUNNING, attempt === 1 ? 7 : 5, 1]));
      reply.fail(unsigned(new SealwireError("UNAVAILABLE")));
    },
    async (client) => assert.is((await thrownBy(() => watchAll(client))).reason, "RESPONSE_INVALID"),
  );
  await withPeer(
    (received, reply) => reply.send(state(received, [RUNNING, 5, 1])),
    async (client) => {
      assert.is((await thrownBy(() => watchAll(client, { afterRevision: 6 }))).reason, "RESPONSE_INVALID");
    },
  );
});

test("an unsigned NOT_FOUND does not prove the job absent", async () => {
  await withPeer(
    (_received, reply) => reply.fail(unsigned(new SealwireError("JOB_NOT_FOUND"))),
    async (client, peer) => {
      const error = await thrownBy(() => watchAll(client));
      assert.is(error.reason, "RESPONSE_UNVERIFIED");
      assert.is(error.status, "NOT_FOUND");
      assert.is(peer.watches.length, 1);
    },
  );
});

test("a signed JOB_NOT_FOUND ends the watch with it", async () => {
  await withPeer(
    (received, reply) =>
      reply.fail(refuse(credentials, received, new SealwireError("JOB_NOT_FOUND"), { sequence: 1n })),
    async (client) => assert.is((await thrownBy(() => watchAll(client))).reason, "JOB_NOT_FOUND"),
  );
});

test("a signed refusal out of sequence is not believed", async () => {
  await withPeer(
    (received, reply) =>
      reply.fail(refuse(credentials, received, new SealwireError("JOB_NOT_FOUND"), { sequence: 2n })),
    async (client) => assert.is((await thrownBy(() => watchAll(client))).reason, "RESPONSE_UNVERIFIED"),
  );
});

test("a revoked key ends the watch", async () => {
  await withPeer(
    (received, reply) => {
      reply.send(state(received, [RUNNING, 2, 1]));
      reply.fail(refuse(credentials, received, new SealwireError("KEY_REVOKED"), { sequence: 2n }));
    },
    async (client, peer) => {
      assert.is((await thrownBy(() => watchAll(client))).reason, "KEY_REVOKED");
      assert.is(peer.watches.length, 1);
    },
  );
});

test("a verified CLOCK_SKEW sets the clock and the watch goes on", async () => {
  const aheadMs = 7_200_000;
  await withPeer(
    (received, reply) => {
      const tsMs = BigInt(Date.now() + aheadMs);
      if (Math.abs(Number(received.envelope.tsMs - tsMs)) > 60_000) {
        return reply.fail(refuse(credentials, received, new SealwireError("CLOCK_SKEW"), { tsMs, sequence: 1n }));
      }
      reply.send(state(received, [SUCCEEDED, 2, 1]));
    },
    async (client) => assert.equal(revisions(await watchAll(client)), [2]),
  );
});

test("a server that cannot be reached at first ends the watch after the client's attempts", async () => {
  await withPeer(
    (_received, reply) => reply.fail(unsigned(new SealwireError("UNAVAILABLE"))),
    async (client, peer) => {
      assert.is((await thrownBy(() => watchAll(client))).reason, "UNREACHABLE");
      assert.is(peer.watches.length, 3);
    },
    { retry: { ...quick, maxAttempts: 3 } },
  );
});

test("a job that was heard of is waited for from the first stream on", async () => {
  await using peer = await startPeer(
    {
      call: (received) => jobFrame(credentials, received, { state: RUNNING }, { type: "PollJobResponse" }),
      watch: (received, reply, attempt) =>
        attempt < 8
          ? reply.fail(unsigned(new SealwireError("UNAVAILABLE")))
          : reply.send(state(received, [SUCCEEDED, 2, 1])),
    },
    { credentials },
  );
  await using client = new SealwireClient({ credentials: peer.credentials, retry: { ...quick, maxAttempts: 2 } });
  const handle = client.job("job-1");
  await handle.poll();
  assert.is((await handle.result()).typeName, "sealwire.demo.v1.StartLongTaskResponse");
  assert.is(peer.watches.length, 8);
});

test("a server lost later is given up after resumeForMs", async () => {
  await withPeer(
    (received, reply, attempt) => {
      if (attempt === 1) reply.send(state(received, [RUNNING, 2, 1]));
      reply.fail(unsigned(new SealwireError("UNAVAILABLE")));
    },
    async (client, peer) => {
      assert.is((await thrownBy(() => watchAll(client))).reason, "UNREACHABLE");
      assert.ok(peer.watches.length > 3, "more attempts than a call would make");
    },
    { retry: { ...quick, maxAttempts: 2 }, resumeForMs: 1_000 },
  );
});

test("a limit of time and an aborted signal end a watch, and the stream with it", async () => {
  let cancelled = 0;
  const sticky: NonNullable<Behaviour["watch"]> = async (received, reply) => {
    reply.send(state(received, [RUNNING, 2, 1]));
    await reply.cancelled;
    cancelled += 1;
  };
  await withPeer(sticky, async (client) => {
    assert.is((await thrownBy(() => watchAll(client, { timeoutMs: 50 }))).reason, "DEADLINE_EXCEEDED");
    const controller = new AbortController();
    const reason = new SealwireError("CANCELLED", "enough");
    const seen: number[] = [];
    const error = await thrownBy(async () => {
      for await (const job of client.job("job-1").watch({ signal: controller.signal })) {
        seen.push(job.revision);
        setImmediate(() => controller.abort(reason));
      }
    });
    assert.is(error, reason);
    assert.equal(seen, [2]);
    await eventually("both streams are cancelled", () => cancelled === 2);
  });
});

test("leaving the loop cancels the stream", async () => {
  let cancelled = false;
  await withPeer(
    async (received, reply) => {
      reply.send(state(received, [RUNNING, 2, 1]));
      await reply.cancelled;
      cancelled = true;
    },
    async (client) => {
      for await (const _job of client.job("job-1").watch()) break;
      await eventually("the stream is cancelled", () => cancelled);
    },
  );
});

test("a reader that is slower than the heartbeat loses nothing", async () => {
  const clock = new FakeClock(Date.now());
  await withPeer(
    (received, reply) => {
      reply.send(state(received, [RUNNING, 2, 1]));
      reply.send(state(received, [FAILED, 3, 2]));
      reply.end();
    },
    async (client, peer) => {
      const seen: number[] = [];
      for await (const job of client.job("job-1").watch()) {
        seen.push(job.revision);
        clock.advance(10 * 15_000);
      }
      assert.equal(seen, [2, 3]);
      assert.is(peer.watches.length, 1);
    },
    { clock },
  );
});

test.run();

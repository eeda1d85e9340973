import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { SealwireClient } from "../../src/client/client.ts";
import type { JobSnapshot } from "../../src/client/jobs/job-snapshot.ts";
import { isTerminal } from "../../src/jobs/transitions.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { createServer, type SealwireServer } from "../../src/server/server.ts";
import { addKey, newKeyRing } from "../../src/signing/key-ring/changes.ts";
import { credentialsOf } from "../../src/signing/key-ring/credentials.ts";
import { buildKeyRing } from "../../src/signing/key-ring/key-ring.ts";
import { memoryKeyRing } from "../../src/signing/key-ring/memory-key-ring.ts";
import type { VerificationKey } from "../../src/signing/key-ring/types.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { eventually } from "../support/eventually.ts";
import { assert, suite } from "../support/suite.ts";
import { TcpLink } from "../support/tcp-link.ts";
import { TEST_INPUT, testArgs, testService } from "../support/test-service.ts";

const test = suite("e2e/watch-jobs");

/** Works for so many milliseconds, with progress on the way; fails for good if they are odd. */
const work = testService({
  Work: {
    job: { maxAttempts: 1 },
    run: async ([ms = 0], { signal, progress }) => {
      progress(1, 2);
      await delay(ms, undefined, { signal });
      if (ms % 2 === 1) throw new Error("odd");
      return ms;
    },
  },
});

const portOf = (address: string): number => Number(address.split(":")[1]);

const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("start"), ms: fc.nat(120), count: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cancel"), pick: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("cut") }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait"), ms: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("replace") }) },
);

test("a watch whose connection is cut and whose server is replaced over and over ends up with the list", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sealwire-watch-jobs-"));
  const context = { nowMs: Date.now(), random: systemRandom };
  const limits = { callsPerSecond: 100_000, burst: 100_000, openWatches: 10_000 };
  const added = addKey(newKeyRing("watched", context), { clientId: "alice", tools: ["*"], limits }, context);
  const ring = buildKeyRing(added.document);
  const key = ring.find(added.keyId) as VerificationKey;
  const store = await openSqliteStore({ path: join(folder, "store.db") });
  const live = async (): Promise<{ server: SealwireServer; address: string }> => {
    const server = await createServer({
      keyRing: memoryKeyRing(added.document),
      store,
      tools: [work.tools],
      descriptors: [work.descriptors],
    });
    return { server, address: (await server.listen("127.0.0.1:0")).address };
  };
  let now = await live();
  const link = await TcpLink.to(portOf(now.address));
  const retry = { initialDelayMs: 1, maxDelayMs: 20, maxAttempts: 100 };
  const credentials = credentialsOf(key, { serverId: "watched", address: `127.0.0.1:${link.port}` });
  try {
    await using watcher = new SealwireClient({ credentials, retry });
    await using caller = new SealwireClient({ credentials, retry });
    const picture = new Map<string, JobSnapshot>();
    const leave = new AbortController();
    const watching = (async () => {
      for await (const job of watcher.watchJobs({ endedSinceMs: 0, signal: leave.signal })) {
        const known = picture.get(job.jobId);
        assert.ok(job.revision > (known?.revision ?? 0), "each state is newer than the one before");
        assert.not(known !== undefined && isTerminal(known.state), "a terminal state is the last");
        picture.set(job.jobId, job);
      }
    })();
    watching.catch(() => {});
    const jobIds: string[] = [];
    const start = async (ms: number) => {
      const args = { typeUrl: `type.googleapis.com/${TEST_INPUT}`, value: testArgs(ms) };
      jobIds.push((await caller.call("work", args)).job?.jobId ?? "");
    };
    const listed = async () => {
      const jobs: JobSnapshot[] = [];
      for (let pageToken: string | undefined; ; ) {
        const page = await caller.listJobs({ pageSize: 500, ...(pageToken && { pageToken }) });
        jobs.push(...page.jobs);
        pageToken = page.nextPageToken;
        if (pageToken === undefined) return jobs;
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 10, maxLength: 30 }), async (operations) => {
        for (const { kind, ...given } of operations) {
          const { ms = 0, count = 0, pick = 0 } = given as { ms?: number; count?: number; pick?: number };
          if (kind === "start") await Promise.all(Array.from({ length: count }, (_, index) => start(ms + index)));
          else if (kind === "wait") await delay(ms);
          else if (kind === "cut") link.breakConnections();
          else if (kind === "replace") {
            const old = now.server;
            now = await live();
            link.target = portOf(now.address);
            await old.drain(0);
          } else if (jobIds.length > 0) await caller.job(jobIds[pick % jobIds.length] ?? "").cancel();
        }
        await eventually("the picture is that of the list, with every job at its end", async () => {
          const jobs = await listed();
          if (jobs.some(({ state }) => !isTerminal(state)) || jobs.length !== picture.size) return false;
          return jobs.every((job) => JSON.stringify(picture.get(job.jobId)) === JSON.stringify(job));
        });
      }),
      { numRuns: 8, endOnFailure: true },
    );
    leave.abort(new Error("seen enough"));
    let reason: unknown;
    await watching.catch((thrown) => {
      reason = thrown;
    });
    assert.is(reason, leave.signal.reason, String(reason));
    assert.ok(picture.size > 30);
  } finally {
    link.cut();
    await now.server.drain(0);
    await store[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  }
});

test.run();

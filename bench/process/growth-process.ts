import { randomUUID } from "node:crypto";
import type { SubmitSpec } from "../../src/jobs/engine.ts";
import type { JobPolicy } from "../../src/jobs/job.ts";
import type { Store } from "../../src/jobs/store.ts";
import { median } from "../report/statistics.ts";
import { openTemporaryStore } from "../variants/temporary-store.ts";
import { answerParent } from "./answering.ts";

const DAY_MS = 86_400_000;
const POLICY: JobPolicy = {
  executionTimeoutMs: 60_000,
  queueTimeoutMs: DAY_MS,
  heartbeatTimeoutMs: undefined,
  maxAttempts: 3,
  initialBackoffMs: 1_000,
  maxBackoffMs: 60_000,
  retentionMs: DAY_MS,
  cancelGraceMs: 10_000,
};
const OWNERS = 100;
const BATCH = 2_000;
const DIGEST = Buffer.alloc(32, 1);
const ARGS = Buffer.alloc(26, 1);

let store: Store | undefined;
const submitted: string[] = [];

const questions = {
  /**
   * Opens a store and puts jobs of a hundred owners into it. Every second one is over; the others wait for a tool that
   * no worker has.
   */
  async fill(count: number): Promise<void> {
    store = await openTemporaryStore();
    for (let filled = 0; filled < count; filled += BATCH) {
      const batch = Array.from({ length: Math.min(BATCH, count - filled) }, async (_, index) => {
        const owner = `owner-${index % OWNERS}`;
        const { job } = await opened().jobs.submit(spec({ owner, tool: "parked" }));
        if (index % 2 === 1) await opened().jobs.cancel(owner, job.jobId);
      });
      await Promise.all(batch);
    }
  },
  /** The median of how long one operation takes, in milliseconds, one at a time. */
  async time({ operation, calls }: { readonly operation: Operation; readonly calls: number }): Promise<number> {
    const took: number[] = [];
    if (operation === "claim") return claim(calls);
    for (let call = 0; call < calls; call++) {
      const startMs = performance.now();
      await OPERATIONS[operation]();
      took.push(performance.now() - startMs);
    }
    return median(took);
  },
};

type Operation = keyof typeof OPERATIONS | "claim";

const OPERATIONS = {
  async submit(): Promise<void> {
    const { job } = await opened().jobs.submit(spec({ owner: "owner-0", tool: "parked" }));
    submitted.push(job.jobId);
  },
  async poll(): Promise<void> {
    const jobId = submitted[Math.floor(Math.random() * submitted.length)] ?? "";
    if ((await opened().jobs.get("owner-0", jobId)) === null) throw new Error("the job is gone");
  },
  async list(): Promise<void> {
    const { jobs } = await opened().jobs.list({ owner: "owner-0", states: [], pageSize: 50 });
    if (jobs.length !== 50) throw new Error(`the page has ${jobs.length} jobs`);
  },
};

/** Submits jobs that a worker then runs one at a time: how long it takes from one to the next, claim and settling in it. */
async function claim(calls: number): Promise<number> {
  const { jobs } = opened();
  await Promise.all(Array.from({ length: calls }, () => jobs.submit(spec({ owner: "owner-1", tool: "empty" }))));
  const startedMs: number[] = [];
  const all = Promise.withResolvers<void>();
  const handler = async (): Promise<Uint8Array> => {
    if (startedMs.push(performance.now()) === calls) all.resolve();
    return ARGS;
  };
  await using _worker = await jobs.work(new Map([["empty", handler]]), { concurrency: 1 });
  await all.promise;
  return median(startedMs.slice(1).map((ms, index) => ms - (startedMs[index] ?? 0)));
}

function opened(): Store {
  if (store === undefined) throw new Error("the store is not open");
  return store;
}

function spec({ owner, tool }: Pick<SubmitSpec, "owner" | "tool">): SubmitSpec {
  const open = { policy: POLICY, openJobsMax: 1_000_000_000 };
  return { owner, tool, requestId: randomUUID(), intentDigest: DIGEST, args: ARGS, ...open };
}

/** What the process that fills a store can be asked. */
export type GrowthQuestions = typeof questions;

answerParent(questions);

import { systemClock } from "../../src/runtime/clock.ts";
import { StoreFigures } from "../../src/server/metrics/store-metrics.ts";
import type { Store } from "../../src/store/store.ts";
import { median } from "../report/statistics.ts";
import { benchJob, type Engine, openFilledStore, runEmptyJobs } from "../variants/filled-store.ts";
import { answerParent } from "./answering.ts";

/** Number of concurrent submissions or jobs, which share a commit. */
const GROUP = 64;
const CLAIMS_PER_CALL = 10;
let store: Store | undefined;
const submitted: string[] = [];

const questions = {
  /** Opens a store with `count` jobs; see {@link openFilledStore}. */
  async fill({ engine, count }: { readonly engine: Engine; readonly count: number }): Promise<void> {
    store = await openFilledStore(engine, count);
  },
  /** Measures the median duration of one operation, in milliseconds. Writes run in groups, as under load. */
  async time({ operation, calls }: { readonly operation: Operation; readonly calls: number }): Promise<number> {
    const took: number[] = [];
    if (operation === "claim") return claim(calls * CLAIMS_PER_CALL);
    for (let call = 0; call < calls; call++) {
      const startMs = performance.now();
      await OPERATIONS[operation]();
      took.push((performance.now() - startMs) / (operation === "submit" ? GROUP : 1));
    }
    return median(took);
  },
};

type Operation = keyof typeof OPERATIONS | "claim";

const OPERATIONS = {
  async submit(): Promise<void> {
    const group = Array.from({ length: GROUP }, () => opened().jobs.submit(benchJob("owner-0", "parked")));
    for (const { job } of await Promise.all(group)) submitted.push(job.jobId);
  },
  async poll(): Promise<void> {
    const jobId = submitted[Math.floor(Math.random() * submitted.length)] ?? "";
    if ((await opened().jobs.get("owner-0", jobId)) === null) throw new Error("the job is gone");
  },
  async list(): Promise<void> {
    const { jobs } = await opened().jobs.list({ owner: "owner-0", states: [], pageSize: 50 });
    if (jobs.length !== 50) throw new Error(`the page has ${jobs.length} jobs`);
  },
  /** Reads the statistics of a metrics scrape, without a cache. */
  async scrape(): Promise<void> {
    if ((await new StoreFigures(opened(), systemClock).read()) === undefined) throw new Error("the store is away");
  },
};

/** Submits and runs empty jobs. Returns the time for claiming and settling one. */
async function claim(count: number): Promise<number> {
  const { jobs } = opened();
  await Promise.all(Array.from({ length: count }, () => jobs.submit(benchJob("owner-1", "empty"))));
  const startMs = performance.now();
  await using _worker = await runEmptyJobs(jobs, count, GROUP);
  return (performance.now() - startMs) / count;
}

function opened(): Store {
  if (store === undefined) throw new Error("the store is not open");
  return store;
}

/** The questions of the process that fills a store. */
export type GrowthQuestions = typeof questions;

answerParent(questions, () => store?.[Symbol.asyncDispose]());

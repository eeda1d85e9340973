import type { Store } from "../../src/store/store.ts";
import { answerParent } from "./answering.ts";

/** Jobs that share a commit. */
const GROUP = 64;

let store: Store | undefined;

const questions = {
  /** Opens an empty store on SQLite. `recorded`: whether attempts are recorded. */
  async open({ recorded }: { readonly recorded: boolean }): Promise<void> {
    const { replaceModules } = await import("../variants/replaced/replace-modules.ts");
    const replaced = recorded ? undefined : replaceModules({ "store/sqlite/jobs/attempts.ts": "./sqlite-attempts.ts" });
    const { openFilledStore } = await import("../variants/filled-store.ts");
    store = await openFilledStore("sqlite", 0);
    replaced?.checkUsed();
  },
  /**
   * Runs empty jobs from their start to their end. `failures`: how many attempts of each fail first. Returns the CPU time of
   * this process per job, in microseconds.
   */
  async run({ jobs, failures }: { readonly jobs: number; readonly failures: number }): Promise<number> {
    if (store === undefined) throw new Error("the store is not open");
    const { runFailingJobs } = await import("../variants/filled-store.ts");
    const before = process.cpuUsage();
    await runFailingJobs(store.jobs, { jobs, failures, concurrency: GROUP });
    const { user, system } = process.cpuUsage(before);
    return (user + system) / jobs;
  },
};

/** The questions of a process that runs jobs with or without a record of their attempts. */
export type AttemptsQuestions = typeof questions;

answerParent(questions, () => store?.[Symbol.asyncDispose]());

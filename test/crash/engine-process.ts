import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { SealwireError } from "../../src/errors.ts";
import type { JobState, JobView } from "../../src/jobs/job.ts";
import { openSqliteStore } from "../../src/jobs/sqlite/open.ts";
import { POLICY, spec } from "../contract/store-under-test.ts";
import type { EngineAnswer, EngineQuestion } from "./engine-victim.ts";

/*
 * A process that owns a store and answers its parent's questions: `engine-process.ts <database> <journal>`. The journal
 * has a line for every attempt that began.
 */
const [path = "", journal = ""] = process.argv.slice(2);
const store = await openSqliteStore({ path });

const worker = await store.jobs.work(
  new Map([
    [
      "echo",
      async (run) => {
        appendFileSync(journal, `${run.jobId} ${run.attempt}\n`);
        for (let step = 0; step < 3; step += 1) {
          run.progress(step, 3);
          await delay(Math.random() * 20, undefined, { signal: run.signal });
        }
        if (Math.random() < 0.1) throw new SealwireError("TOOL_FAILED", "bad luck", { retryable: Math.random() < 0.5 });
        return Buffer.from(`attempt ${run.attempt} in ${process.pid}`);
      },
    ],
  ]),
  { concurrency: 16 },
);

async function list(states: readonly JobState[]): Promise<JobView[]> {
  const found: JobView[] = [];
  for (let pageToken: string | undefined; ; ) {
    const query = { owner: "alice", states, pageSize: 500, ...(pageToken === undefined ? {} : { pageToken }) };
    const page = await store.jobs.list(query);
    found.push(...page.jobs);
    pageToken = page.nextPageToken;
    if (pageToken === undefined) return found;
  }
}

async function answer(question: EngineQuestion): Promise<unknown> {
  switch (question.ask) {
    case "submit": {
      const policy = { ...POLICY, initialBackoffMs: 10 };
      const submitted = await store.jobs.submit(
        spec({ requestId: question.requestId, policy, openJobsMax: 1_000_000 }),
      );
      return submitted.job.jobId;
    }
    case "open": {
      const { QUEUED, RUNNING } = (await store.jobs.stats()).byState;
      return QUEUED + RUNNING;
    }
    case "ended": {
      const jobs = await list(["SUCCEEDED", "FAILED", "CANCELLED"]);
      return Promise.all(
        jobs.map(async ({ jobId, requestId, state, attempt, revision, error }) => {
          const result = Buffer.from((await store.jobs.result("alice", jobId)) ?? []).toString();
          return { jobId, requestId, evidence: `${state} ${attempt} ${revision} ${error?.reason} ${result}` };
        }),
      );
    }
  }
}

process.on("message", async (question: EngineQuestion) => {
  process.send?.({ id: question.id, value: await answer(question) } satisfies EngineAnswer);
});
process.once("disconnect", () => process.exit());
process.once("SIGTERM", async () => {
  await worker.stop(1_000);
  await store[Symbol.asyncDispose]();
  process.disconnect();
});
process.send?.({ id: 0, value: "ready" } satisfies EngineAnswer);

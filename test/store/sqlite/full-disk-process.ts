import { once } from "node:events";
import { SealwireError } from "../../../src/errors.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import { digest, Gate, nonceClaim, POLICY, spec } from "../../contract/store-under-test.ts";
import { eventually, settled } from "../../support/eventually.ts";

/** What full-disk-process.ts tells its parent: once while the disk is full, once when it has space again. */
export type FullDiskReport =
  | {
      readonly phase: "full";
      readonly accepted: number;
      readonly refusals: Readonly<
        Record<string, { readonly reason: string; readonly retryDelayMs: number | undefined }>
      >;
      readonly readable: boolean;
    }
  | { readonly phase: "space"; readonly found: number; readonly heldState: string; readonly intent: string };

/* Fills the store at argv[2] until the disk takes no more, waits for a message that there is space again, and goes on. */
await using store = await openSqliteStore({ path: process.argv[2] ?? "" });
const gate = new Gate();
const worker = await store.jobs.work(new Map([["held", gate.handler]]), { concurrency: 1 });
const { job: held } = await store.jobs.submit(spec({ tool: "held" }));
await eventually("the job runs", () => gate.started.length === 1);
await store.intents.begin("alice", "lost", digest("sync"));

const accepted: string[] = [];
const fill = async () => accepted.push((await store.jobs.submit(spec({ args: Buffer.alloc(100_000) }))).job.jobId);
const submit = await refusal(async () => {
  for (;;) await fill();
});
const refusals = {
  submit,
  claim: await refusal(async () => {
    for (let index = 0; ; index += 1) await store.replay.claim(nonceClaim(Date.now(), `${index}`));
  }),
  begin: await refusal(async () => {
    for (let index = 0; ; index += 1) await store.intents.begin("alice", `intent ${index}`, digest("sync"));
  }),
  cancel: await refusal(() => store.jobs.cancel("alice", accepted[0] ?? "")),
  finish: await refusal(() => store.intents.finish("alice", "lost", Buffer.alloc(60_000))),
};
gate.letGo(held.requestId);
await settled();
const readable = (await store.jobs.get("alice", held.jobId))?.state === "RUNNING";
tell({ phase: "full", accepted: accepted.length, refusals, readable });

await once(process, "message");
await eventually(
  "the held job's outcome is recorded",
  async () => (await store.jobs.get("alice", held.jobId))?.state !== "RUNNING",
);
await fill();
const views = await Promise.all(accepted.map((jobId) => store.jobs.get("alice", jobId)));
tell({
  phase: "space",
  found: views.filter((view) => view?.state === "QUEUED" && view.maxAttempts === POLICY.maxAttempts).length,
  heldState: String((await store.jobs.get("alice", held.jobId))?.state),
  intent: (await store.intents.begin("alice", "lost", digest("sync"))).kind,
});
await worker.stop(0);
process.disconnect();

function tell(report: FullDiskReport): void {
  process.send?.(report);
}

async function refusal(attempt: () => Promise<unknown>) {
  try {
    await attempt();
  } catch (error) {
    const { reason, retryDelayMs } = SealwireError.from(error);
    return { reason, retryDelayMs };
  }
  return { reason: "none", retryDelayMs: undefined };
}

import type { Lane, Lanes } from "./fair-queue.ts";
import type { JobView } from "./job.ts";
import { type JobRow, toJobView } from "./job-row.ts";
import type { RunListener } from "./worker/attempt-store.ts";

/** Tells watchers of committed changes. */
interface Feed {
  publish(view: JobView): void;
}

/** Tells everyone in the process of committed changes: the watchers, the lanes, the workers. */
export class JobChanges {
  readonly #feed: Feed;
  readonly #lanes: Lanes;
  readonly #listeners = new Set<RunListener>();

  constructor(feed: Feed, lanes: Lanes) {
    this.#feed = feed;
    this.#lanes = lanes;
  }

  /** Takes a job's row as a committed transition left it. */
  committed(row: JobRow): void {
    this.#feed.publish(toJobView(row));
    if (row.state === "QUEUED") this.queued(laneOf(row));
    else if (row.state === "RUNNING" && row.cancel_requested) this.cancelRequested(row.job_id);
  }

  /** A job of the lane may be claimed once it is due. */
  queued(lane: Lane): void {
    this.#lanes.add(lane);
    this.jobReady();
  }

  /** There may be something to claim. */
  jobReady(): void {
    for (const listener of this.#listeners) listener.jobReady();
  }

  /** The owner asked a running job to stop. */
  cancelRequested(jobId: string): void {
    for (const listener of this.#listeners) listener.cancelRequested(jobId);
  }

  listen(listener: RunListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }
}

/** The lane of a queued job, due when the job is. */
export function laneOf(row: JobRow): Lane {
  return { priority: row.priority, tool: row.tool, owner: row.owner, dueAtMs: row.run_at_ms };
}

import type { JobFeed } from "./job-feed.ts";
import { type JobRow, toJobView } from "./job-row.ts";
import type { Lanes } from "./lanes.ts";
import type { RunListener } from "./worker/run-ledger.ts";

/** Tells everyone in the process of committed changes: the watchers, the lanes, the workers. */
export class JobChanges {
  readonly #feed: JobFeed;
  readonly #lanes: Lanes;
  readonly #listeners = new Set<RunListener>();

  constructor(feed: JobFeed, lanes: Lanes) {
    this.#feed = feed;
    this.#lanes = lanes;
  }

  /** Takes a job's row as a committed transition left it. */
  committed(row: JobRow): void {
    this.#feed.publish(toJobView(row));
    if (row.state === "QUEUED") {
      this.#lanes.add({ priority: row.priority, tool: row.tool, owner: row.owner, dueAtMs: row.run_at_ms });
      for (const listener of this.#listeners) listener.jobReady();
    } else if (row.state === "RUNNING" && row.cancel_requested) {
      for (const listener of this.#listeners) listener.cancelRequested(row.job_id);
    }
  }

  listen(listener: RunListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }
}

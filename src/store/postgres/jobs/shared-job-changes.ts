import type { Lanes } from "../../../jobs/fair-queue.ts";
import { JobChanges, laneOf } from "../../../jobs/job-changes.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { Feeds } from "../../../jobs/watch/notifiers.ts";
import type { Hint, HintListener, Hints } from "../notifications.ts";

/** {@link JobChanges} that tell other processes, too, and pass on what those tell. */
export class SharedJobChanges extends JobChanges implements HintListener {
  readonly #feeds: Feeds;
  readonly #hints: Hints;

  constructor(feeds: Feeds, lanes: Lanes, hints: Hints) {
    super(feeds, lanes);
    this.#feeds = feeds;
    this.#hints = hints;
  }

  override committed(row: JobRow): void {
    super.committed(row);
    this.#hints.tellJob({
      jobId: row.job_id,
      owner: row.owner,
      ...(row.state === "QUEUED" && { queued: laneOf(row) }),
      ...(row.state === "RUNNING" && row.cancel_requested && { cancelRequested: true }),
    });
  }

  heard(hint: Hint): void {
    if (!("jobs" in hint)) return;
    for (const { jobId, queued, cancelRequested } of hint.jobs) {
      if (queued !== undefined) this.queued(queued);
      if (cancelRequested) this.cancelRequested(jobId);
    }
    // The polls of the feeds look again if this fails.
    this.#feeds.readAgain(hint.jobs).catch(() => {});
  }

  resumed(): void {
    this.#feeds.readAllAgain().catch(() => {});
    this.jobReady();
  }
}

import { JobChanges, laneOf } from "../job-changes.ts";
import type { JobFeed } from "../job-feed.ts";
import type { JobRow } from "../job-row.ts";
import type { Lanes } from "../lanes.ts";
import type { Hint, HintListener, Hints } from "./hints.ts";

/** {@link JobChanges} that tell other processes, too, and pass on what those tell. */
export class SharedJobChanges extends JobChanges implements HintListener {
  readonly #sharedFeed: JobFeed;
  readonly #hints: Hints;

  constructor(feed: JobFeed, lanes: Lanes, hints: Hints) {
    super(feed, lanes);
    this.#sharedFeed = feed;
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
    void this.#readAgain(hint.jobs.map(({ jobId }) => jobId));
  }

  resumed(): void {
    void this.#readAgain();
    this.jobReady();
  }

  /** The poll of the feed looks again if this fails. */
  async #readAgain(jobIds?: readonly string[]): Promise<void> {
    await this.#sharedFeed.readAgain(jobIds).catch(() => {});
  }
}

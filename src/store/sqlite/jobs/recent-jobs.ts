import type { FairQueue } from "../../../jobs/fair-queue.ts";
import { type ChangePublisher, JobChanges } from "../../../jobs/job-changes.ts";
import type { JobRow } from "../../../jobs/job-row.ts";

/** Maximum number of cached rows. A row takes about a kilobyte. */
const KEPT_MAX = 4_096;

/**
 * Caches the committed rows of the most recently changed jobs. A submitted job is soon watched, claimed and settled,
 * and reading its row takes longer than changing it. The store has one owner, so no other process changes the rows.
 */
export class RecentJobs extends JobChanges {
  /** In the order of the last change, the most recent one last. */
  readonly #rows = new Map<string, JobRow>();
  readonly #read: (jobId: string) => JobRow | undefined;

  /** `read`: reads a job's row from the database. */
  constructor(notifier: ChangePublisher, fairQueue: FairQueue, read: (jobId: string) => JobRow | undefined) {
    super(notifier, fairQueue);
    this.#read = read;
  }

  /** The last committed row of a job. Throws SQLite's error. */
  find(jobId: string): JobRow | undefined {
    return this.#rows.get(jobId) ?? this.#read(jobId);
  }

  override committed(row: JobRow): void {
    this.#rows.delete(row.job_id);
    this.#rows.set(row.job_id, row);
    if (this.#rows.size > KEPT_MAX) this.#dropOldest();
    super.committed(row);
  }

  /** Removes a deleted job from the cache. */
  forget(jobId: string): void {
    this.#rows.delete(jobId);
  }

  #dropOldest(): void {
    const { value: jobId } = this.#rows.keys().next();
    if (jobId !== undefined) this.#rows.delete(jobId);
  }
}

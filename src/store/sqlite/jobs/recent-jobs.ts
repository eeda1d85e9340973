import type { FairQueue } from "../../../jobs/fair-queue.ts";
import { type ChangePublisher, JobChanges } from "../../../jobs/job-changes.ts";
import type { JobRow } from "../../../jobs/job-row.ts";

/** Jobs that are kept at most; a row takes about a kilobyte. */
const KEPT_MAX = 4_096;

/**
 * Keeps the rows of the jobs that changed last, as they were committed: a job that is started is soon watched, claimed and
 * settled, and to read its row takes longer than to change it. The store has one owner, so nobody else changes them.
 */
export class RecentJobs extends JobChanges {
  /** The one that changed last at the end. */
  readonly #rows = new Map<string, JobRow>();
  readonly #read: (jobId: string) => JobRow | undefined;

  /** `read`: reads a job's row from the database. */
  constructor(notifier: ChangePublisher, fairQueue: FairQueue, read: (jobId: string) => JobRow | undefined) {
    super(notifier, fairQueue);
    this.#read = read;
  }

  /** The row of a job as it was committed last. Throws what SQLite throws. */
  find(jobId: string): JobRow | undefined {
    return this.#rows.get(jobId) ?? this.#read(jobId);
  }

  override committed(row: JobRow): void {
    this.#rows.delete(row.job_id);
    this.#rows.set(row.job_id, row);
    if (this.#rows.size > KEPT_MAX) this.#dropOldest();
    super.committed(row);
  }

  /** The job is being removed. */
  forget(jobId: string): void {
    this.#rows.delete(jobId);
  }

  #dropOldest(): void {
    const { value: jobId } = this.#rows.keys().next();
    if (jobId !== undefined) this.#rows.delete(jobId);
  }
}

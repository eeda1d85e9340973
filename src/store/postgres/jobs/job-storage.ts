import type { AttemptRow } from "../../../jobs/attempt-record.ts";
import type { JobStats, SubmitSpec } from "../../../jobs/engine.ts";
import type { JobChanges } from "../../../jobs/job-changes.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { Cancelled, EndedRange, Ends, JobStorage, ListRange, Submitted } from "../../../jobs/job-storage.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { Random } from "../../../runtime/random.ts";
import { Batch } from "../../batch.ts";
import type { Database } from "../database.ts";
import { readJobStats } from "../figures.ts";
import { readAttemptRows } from "./attempts.ts";
import { cancelJob } from "./cancel-job.ts";
import { readEnded, readEnds } from "./read-ends.ts";
import { findJobs, listJobs, readJobResult } from "./read-jobs.ts";
import { type Submission, submitJobs } from "./submit-jobs.ts";
import { expireQueued, sweepJobs } from "./sweep-jobs.ts";

/** Maximum number of jobs that are submitted in one transaction. */
const SUBMIT_GROUP = 256;
/** Maximum number of jobs that are read by one statement. */
const FIND_GROUP = 500;
/** Rows per transaction. They may have results of megabytes. */
const SLICE = 200;

/** Options of a {@link PostgresJobStorage}. */
export interface PostgresJobStorageOptions {
  readonly database: Database;
  /** Lock space of the locks that protect request ids and quotas. */
  readonly requestLockSpace: number;
  readonly changes: JobChanges;
  readonly clock: Clock;
  readonly random: Random;
}

/** The {@link JobStorage} of a shared store. */
export class PostgresJobStorage implements JobStorage {
  readonly #options: PostgresJobStorageOptions;
  readonly #submissions: Batch<Submission, Submitted>;
  readonly #finds: Batch<string, JobRow | undefined>;

  constructor(options: PostgresJobStorageOptions) {
    this.#options = options;
    this.#submissions = new Batch({ most: SUBMIT_GROUP, run: (group) => this.#submitGroup(group) });
    this.#finds = new Batch({ most: FIND_GROUP, run: (group) => this.#findGroup(group) });
  }

  submit(spec: SubmitSpec): Promise<Submitted> {
    return this.#submissions.add({ spec, jobId: this.#options.random.uuid() });
  }

  async find(jobIds: readonly string[]): Promise<readonly JobRow[]> {
    const rows = await Promise.all(jobIds.map((jobId) => this.#finds.add(jobId)));
    return rows.filter((row) => row !== undefined);
  }

  result(owner: string, jobId: string): Promise<Uint8Array | undefined> {
    return readJobResult(this.#options.database, owner, jobId);
  }

  attempts(seq: number, upTo: number, limit: number): Promise<readonly AttemptRow[]> {
    return readAttemptRows(this.#options.database, { seq, upTo, limit });
  }

  list(range: ListRange): Promise<readonly JobRow[]> {
    return listJobs(this.#options.database, range);
  }

  ends(owner: string, withPast: boolean): Promise<Ends> {
    return readEnds(this.#options.database, owner, withPast);
  }

  ended(range: EndedRange): Promise<readonly JobRow[]> {
    return readEnded(this.#options.database, range);
  }

  async cancel(owner: string, jobId: string): Promise<Cancelled | undefined> {
    const { database, changes, clock } = this.#options;
    const cancelled = await database.transaction((queries) =>
      cancelJob(queries, { owner, jobId, nowMs: clock.nowMs() }),
    );
    if (cancelled?.changed) changes.committed(cancelled.row);
    return cancelled;
  }

  async sweep(): Promise<number> {
    const { database, clock } = this.#options;
    let swept = 0;
    for (let slice = SLICE; slice === SLICE; swept += slice) slice = await sweepJobs(database, SLICE, clock.nowMs());
    return swept;
  }

  stats(): Promise<JobStats> {
    return readJobStats(this.#options.database, this.#options.clock.nowMs());
  }

  /** Fails queued jobs whose queue time-out has passed. */
  async expireQueued(): Promise<void> {
    const { database, changes, clock } = this.#options;
    for (let rows: readonly JobRow[] = []; ; ) {
      rows = await expireQueued(database, SLICE, clock.nowMs());
      for (const row of rows) changes.committed(row);
      if (rows.length < SLICE) return;
    }
  }

  async #submitGroup(group: readonly Submission[]): Promise<readonly (Submitted | Error)[]> {
    const { database, requestLockSpace: lockSpace, changes, clock } = this.#options;
    const decided = await database.transaction((queries) =>
      submitJobs(queries, group, { lockSpace, nowMs: clock.nowMs() }),
    );
    for (const each of decided) if (!(each instanceof Error) && each.created) changes.committed(each.row);
    return decided;
  }

  async #findGroup(jobIds: readonly string[]): Promise<readonly (JobRow | undefined)[]> {
    const rows = await findJobs(this.#options.database, [...new Set(jobIds)]);
    const byId = new Map(rows.map((row) => [row.job_id, row]));
    return jobIds.map((jobId) => byId.get(jobId));
  }
}

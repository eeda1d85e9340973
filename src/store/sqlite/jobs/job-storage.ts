import type { DatabaseSync } from "node:sqlite";
import { SealwireError } from "../../../errors.ts";
import type { AttemptRow } from "../../../jobs/attempt-record.ts";
import type { JobStats, SubmitSpec } from "../../../jobs/engine.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { Cancelled, EndedRange, Ends, JobStorage, ListRange, Submitted } from "../../../jobs/job-storage.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { Random } from "../../../runtime/random.ts";
import type { CommitGroup } from "../commit-group.ts";
import { reading } from "../storage-error.ts";
import { sweepInSlices } from "../sweep-in-slices.ts";
import { prepareReadAttempts } from "./attempts.ts";
import { prepareCancel } from "./cancel-job.ts";
import { prepareExpireQueued } from "./expire-queued.ts";
import type { JobCounts } from "./job-counts.ts";
import { JOB_ID_BYTES, makeJobId } from "./job-id.ts";
import { prepareList } from "./list-jobs.ts";
import { prepareReadEnds } from "./read-ends.ts";
import { prepareReads } from "./read-jobs.ts";
import type { RecentJobs } from "./recent-jobs.ts";
import { prepareSubmit } from "./submit-job.ts";
import { prepareJobSweep } from "./sweep-jobs.ts";

/** Rows per transaction. They may have results of megabytes. */
const SLICE = 200;

/** Options of a {@link SqliteJobStorage}. */
export interface SqliteJobStorageOptions {
  readonly db: DatabaseSync;
  readonly commits: CommitGroup;
  readonly counts: JobCounts;
  readonly changes: RecentJobs;
  readonly clock: Clock;
  readonly random: Random;
}

/** The {@link JobStorage} of the embedded store. */
export class SqliteJobStorage implements JobStorage {
  readonly #options: SqliteJobStorageOptions;
  readonly #operations;

  constructor(options: SqliteJobStorageOptions) {
    const { db, counts, changes } = options;
    this.#options = options;
    this.#operations = {
      ...prepareReads(db),
      ...prepareReadEnds(db),
      submit: prepareSubmit(db, counts),
      cancel: prepareCancel(db, counts),
      list: prepareList(db),
      attempts: prepareReadAttempts(db),
      expireQueued: prepareExpireQueued(db, counts),
      sweep: prepareJobSweep(db, counts, changes),
    };
  }

  async submit(spec: SubmitSpec): Promise<Submitted> {
    const { commits, changes, random, clock } = this.#options;
    const jobId = makeJobId(clock.nowMs(), random.bytes(JOB_ID_BYTES));
    const submitted = await commits.run(
      () => this.#operations.submit(spec, jobId, clock.nowMs()),
      (found) => "created" in found && found.created && changes.committed(found.row),
    );
    if (submitted instanceof SealwireError) throw submitted;
    return submitted;
  }

  async find(jobIds: readonly string[]): Promise<readonly JobRow[]> {
    return reading(() => jobIds.map((jobId) => this.#options.changes.find(jobId)).filter((row) => row !== undefined));
  }

  async result(owner: string, jobId: string): Promise<Uint8Array | undefined> {
    return reading(() => this.#operations.result(owner, jobId));
  }

  async attempts(seq: number, upTo: number, limit: number): Promise<readonly AttemptRow[]> {
    return reading(() => this.#operations.attempts(seq, upTo, limit));
  }

  async list(range: ListRange): Promise<readonly JobRow[]> {
    return reading(() => this.#operations.list(range));
  }

  async ends(owner: string, withPast: boolean): Promise<Ends> {
    return reading(() => this.#operations.ends(owner, withPast));
  }

  async ended(range: EndedRange): Promise<readonly JobRow[]> {
    return reading(() => this.#operations.ended(range));
  }

  cancel(owner: string, jobId: string): Promise<Cancelled | undefined> {
    const { commits, changes, clock } = this.#options;
    return commits.run(
      () => this.#operations.cancel(owner, jobId, clock.nowMs()),
      (cancelled) => cancelled?.changed && changes.committed(cancelled.row),
    );
  }

  sweep(): Promise<number> {
    const { commits, clock } = this.#options;
    return sweepInSlices(commits, this.#operations.sweep, SLICE, clock);
  }

  async stats(): Promise<JobStats> {
    return reading(() => this.#operations.stats(this.#options.clock.nowMs()));
  }

  /** Fails queued jobs whose queue time-out has passed. */
  async expireQueued(): Promise<void> {
    const { commits, changes, clock } = this.#options;
    const { due, expire } = this.#operations.expireQueued;
    while (reading(() => due(clock.nowMs()))) {
      await commits.run(
        () => expire(SLICE, clock.nowMs()),
        (rows) => {
          for (const row of rows) changes.committed(row);
        },
      );
    }
  }
}

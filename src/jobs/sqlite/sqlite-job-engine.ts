import type { DatabaseSync } from "node:sqlite";
import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Random } from "../../runtime/random.ts";
import type { JobEngine, JobHandlers, JobStats, ListQuery, SubmitSpec, Worker, WorkOptions } from "../engine.ts";
import type { JobState, JobView } from "../job.ts";
import { JobChanges } from "../job-changes.ts";
import { JobFeed } from "../job-feed.ts";
import { toJobView } from "../job-row.ts";
import { JobWatch } from "../job-watch.ts";
import { Lanes } from "../lanes.ts";
import type { PageTokens } from "../page-token.ts";
import { JobWorker } from "../worker/job-worker.ts";
import { prepareCancel } from "./cancel-job.ts";
import type { CommitGroup } from "./commit-group.ts";
import { prepareExpireQueued } from "./expire-queued.ts";
import { prepareList } from "./list-jobs.ts";
import { prepareReads } from "./read-jobs.ts";
import { SqliteRunLedger } from "./sqlite-run-ledger.ts";
import { reading, storeClosed } from "./storage-error.ts";
import { prepareSubmit } from "./submit-job.ts";
import { sweepInSlices } from "./sweep-in-slices.ts";
import { prepareJobSweep } from "./sweep-jobs.ts";

const ALL_STATES: readonly JobState[] = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"];
/** Rows per transaction; results of megabytes may go with them. */
const SLICE = 200;

/** What the job engine of an embedded store is made of. */
export interface SqliteJobEngineOptions {
  readonly db: DatabaseSync;
  readonly commits: CommitGroup;
  readonly pageTokens: PageTokens;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The {@link JobEngine} of the embedded store. */
export class SqliteJobEngine implements JobEngine {
  readonly #options: SqliteJobEngineOptions;
  readonly #operations;
  readonly #feed: JobFeed;
  readonly #changes: JobChanges;
  readonly #ledger: SqliteRunLedger;
  readonly #workers = new Set<Worker>();

  constructor(options: SqliteJobEngineOptions) {
    const { db, commits, clock } = options;
    this.#options = options;
    this.#operations = {
      ...prepareReads(db),
      submit: prepareSubmit(db),
      cancel: prepareCancel(db),
      list: prepareList(db),
      expireQueued: prepareExpireQueued(db),
      sweep: prepareJobSweep(db),
    };
    const lanes = new Lanes();
    this.#feed = new JobFeed({ read: async (jobIds) => this.#readAll(jobIds), clock });
    this.#changes = new JobChanges(this.#feed, lanes);
    this.#ledger = new SqliteRunLedger({ db, commits, lanes, changes: this.#changes, clock });
  }

  async submit(spec: SubmitSpec): Promise<{ readonly job: JobView; readonly created: boolean }> {
    const { commits, random, clock } = this.#options;
    const jobId = random.uuid();
    const { row, created } = await commits.run(
      () => this.#operations.submit(spec, jobId, clock.nowMs()),
      (submitted) => submitted.created && this.#changes.committed(submitted.row),
    );
    return { job: toJobView(row), created };
  }

  async get(owner: string, jobId: string): Promise<JobView | null> {
    const view = this.#read(jobId);
    return view?.owner === owner ? view : null;
  }

  async result(owner: string, jobId: string): Promise<Uint8Array | null> {
    return reading(() => this.#operations.result(owner, jobId)) ?? null;
  }

  async list(query: ListQuery): Promise<{ readonly jobs: readonly JobView[]; readonly nextPageToken?: string }> {
    const { pageTokens } = this.#options;
    const { owner, tool, states, pageSize, pageToken } = query;
    const below = pageToken === undefined ? Number.MAX_SAFE_INTEGER : pageTokens.read(pageToken, query);
    const range = { owner, tool, states: states.length === 0 ? ALL_STATES : states, below, limit: pageSize + 1 };
    const found = reading(() => this.#operations.list(range));
    const rows = found.slice(0, pageSize);
    const last = rows.at(-1);
    const jobs = rows.map(toJobView);
    if (last === undefined || found.length <= pageSize) return { jobs };
    return { jobs, nextPageToken: pageTokens.write(last.seq, query) };
  }

  async cancel(owner: string, jobId: string): Promise<JobView | null> {
    const { commits, clock } = this.#options;
    const cancelled = await commits.run(
      () => this.#operations.cancel(owner, jobId, clock.nowMs()),
      (done) => done?.changed && this.#changes.committed(done.row),
    );
    return cancelled === undefined ? null : toJobView(cancelled.row);
  }

  watch(
    owner: string,
    jobId: string,
    { afterRevision = 0, signal }: { readonly afterRevision?: number; readonly signal?: AbortSignal } = {},
  ): AsyncIterable<JobView> {
    return new JobWatch({ feed: this.#feed, owner, jobId, afterRevision, signal });
  }

  async work(handlers: JobHandlers, options: WorkOptions): Promise<Worker> {
    if (this.#feed.closed) throw storeClosed();
    for (const [name, value] of Object.entries(options)) {
      if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1)) {
        throw new SealwireError("OPTIONS_INVALID", `${name} must be 1 or more, not ${value}.`);
      }
    }
    const { clock, logger } = this.#options;
    const worker = new JobWorker({ ...options, handlers, ledger: this.#ledger, clock, logger });
    this.#workers.add(worker);
    return worker;
  }

  sweep(): Promise<number> {
    const { commits, clock } = this.#options;
    return sweepInSlices(commits, this.#operations.sweep, SLICE, clock);
  }

  async stats(): Promise<JobStats> {
    return reading(() => this.#operations.stats(this.#options.clock.nowMs()));
  }

  /** Brings every job into order whose time or worker has run out: lost attempts, passed queue time-outs. */
  async repair(): Promise<void> {
    const { commits, clock } = this.#options;
    await this.#ledger.recoverLost();
    const { due, expire } = this.#operations.expireQueued;
    while (reading(() => due(clock.nowMs()))) {
      await commits.run(
        () => expire(SLICE, clock.nowMs()),
        (rows) => {
          for (const row of rows) this.#changes.committed(row);
        },
      );
    }
  }

  /** Hands back what runs and ends every watch with UNAVAILABLE. */
  async close(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.stop(0)));
    await this.#feed.close();
  }

  #readAll(jobIds: readonly string[]): JobView[] {
    return jobIds.map((jobId) => this.#read(jobId)).filter((view) => view !== null);
  }

  #read(jobId: string): JobView | null {
    const row = reading(() => this.#operations.find(jobId));
    return row === undefined ? null : toJobView(row);
  }
}

import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { type AttemptRecord, readAttempts } from "./attempt-record.ts";
import type {
  JobEngine,
  JobHandlers,
  JobNews,
  JobStats,
  ListQuery,
  SubmitSpec,
  WatchAllOptions,
  Worker,
  WorkOptions,
} from "./engine.ts";
import type { JobState, JobView } from "./job.ts";
import { toJobView } from "./job-row.ts";
import type { JobStorage } from "./job-storage.ts";
import type { PageTokens } from "./page-token.ts";
import { writeStoredTrace } from "./stored-trace.ts";
import { storeClosed } from "./unavailable.ts";
import { JobWatch } from "./watch/job-watch.ts";
import type { Notifiers } from "./watch/notifiers.ts";
import { watchOwner } from "./watch/owner-watch.ts";
import { checkWorkOptions } from "./work-limits.ts";
import type { AttemptStore } from "./worker/attempt-store.ts";
import { JobWorker } from "./worker/job-worker.ts";

const ALL_STATES: readonly JobState[] = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"];

/** Options of a {@link StoredJobEngine}. */
export interface StoredJobEngineOptions {
  readonly storage: JobStorage;
  readonly attemptStore: AttemptStore;
  readonly notifiers: Notifiers;
  readonly pageTokens: PageTokens;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The {@link JobEngine} on top of a storage: views, pages, watches and workers, which are the same for all engines. */
export class StoredJobEngine implements JobEngine {
  readonly #options: StoredJobEngineOptions;
  readonly #workers = new Set<Worker>();

  constructor(options: StoredJobEngineOptions) {
    this.#options = options;
  }

  async submit(spec: SubmitSpec): Promise<{ readonly job: JobView; readonly created: boolean }> {
    const { traceparent, tracestate } = spec;
    const isPlain = traceparent === undefined || tracestate === undefined;
    const stored = isPlain ? spec : { ...spec, traceparent: writeStoredTrace(traceparent, tracestate) };
    const { row, created } = await this.#options.storage.submit(stored);
    return { job: toJobView(row), created };
  }

  async get(owner: string, jobId: string): Promise<JobView | null> {
    const [row] = await this.#options.storage.find([jobId]);
    return row?.owner === owner ? toJobView(row) : null;
  }

  async getWithAttempts(
    owner: string,
    jobId: string,
    attemptsMax: number,
  ): Promise<{ readonly job: JobView; readonly attempts: readonly AttemptRecord[] } | null> {
    const { storage } = this.#options;
    const [row] = await storage.find([jobId]);
    if (row?.owner !== owner) return null;
    return { job: toJobView(row), attempts: await readAttempts(row, { reader: storage, limit: attemptsMax }) };
  }

  async result(owner: string, jobId: string): Promise<Uint8Array | null> {
    return (await this.#options.storage.result(owner, jobId)) ?? null;
  }

  async list(query: ListQuery): Promise<{ readonly jobs: readonly JobView[]; readonly nextPageToken?: string }> {
    const { storage, pageTokens } = this.#options;
    const { owner, tool, states, pageSize, pageToken } = query;
    const binding = [owner, [...new Set(states)].sort(), tool ?? null];
    const below = pageToken === undefined ? Number.MAX_SAFE_INTEGER : pageTokens.read(pageToken, binding);
    const wanted = states.length === 0 ? ALL_STATES : [...new Set(states)];
    const found = await storage.list({ owner, tool, states: wanted, below, limit: pageSize + 1 });
    const rows = found.slice(0, pageSize);
    const last = rows.at(-1);
    const jobs = rows.map(toJobView);
    if (last === undefined || found.length <= pageSize) return { jobs };
    return { jobs, nextPageToken: pageTokens.write(last.seq, binding) };
  }

  async cancel(owner: string, jobId: string): Promise<JobView | null> {
    const cancelled = await this.#options.storage.cancel(owner, jobId);
    return cancelled === undefined ? null : toJobView(cancelled.row);
  }

  watch(
    owner: string,
    jobId: string,
    { afterRevision = 0, signal }: { readonly afterRevision?: number; readonly signal?: AbortSignal } = {},
  ): AsyncIterable<JobView> {
    return new JobWatch({ notifier: this.#options.notifiers.jobs, owner, jobId, afterRevision, signal });
  }

  watchAll(owner: string, options?: WatchAllOptions): AsyncIterable<JobNews> {
    return watchOwner(this.#options.notifiers.owners, owner, options);
  }

  onStop(listener: (job: JobView) => void): Disposable {
    return this.#options.attemptStore.listen({ jobReady() {}, cancelRequested() {}, stopped: listener });
  }

  async work(handlers: JobHandlers, options: WorkOptions): Promise<Worker> {
    const { notifiers, attemptStore, clock, logger } = this.#options;
    if (notifiers.closed) throw storeClosed();
    checkWorkOptions(options);
    const worker = new JobWorker({ ...options, handlers, attemptStore, clock, logger });
    this.#workers.add(worker);
    return worker;
  }

  sweep(): Promise<number> {
    return this.#options.storage.sweep();
  }

  stats(): Promise<JobStats> {
    return this.#options.storage.stats();
  }

  /** Returns running jobs to the queue and ends every watch with UNAVAILABLE. */
  async close(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.stop(0)));
    await this.#options.notifiers.close();
  }
}

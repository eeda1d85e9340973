import { type AttemptRecord, readAttempts } from "../../jobs/attempt-record.ts";
import { type JobRow, toJobView } from "../../jobs/job-row.ts";
import type { JobStorage } from "../../jobs/job-storage.ts";
import type { PageTokens } from "../../jobs/page-token.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { AllJobsQuery, InstanceRecord, OperatorJobView, OperatorView, ToolStats } from "../operator-view.ts";
import { findJobs } from "./find-jobs.ts";
import type { OperatorStorage } from "./operator-storage.ts";

const STATS_KEPT_MS = 1_000;
/** Statistics that took long are kept this many times as long as they took. */
const STATS_COST_FACTOR = 20;

/** Options of a {@link StoredOperatorView}. */
export interface StoredOperatorViewOptions {
  readonly storage: OperatorStorage;
  readonly jobs: JobStorage;
  readonly pageTokens: PageTokens;
  readonly clock: Clock;
}

/** The {@link OperatorView} on top of a storage: views, pages and cached statistics, the same for all engines. */
export class StoredOperatorView implements OperatorView {
  readonly #options: StoredOperatorViewOptions;
  #stats: Promise<readonly ToolStats[]> | undefined;
  /** Time until which the statistics are kept, monotonic milliseconds. */
  #statsUntilMs = 0;

  constructor(options: StoredOperatorViewOptions) {
    this.#options = options;
  }

  async jobs(
    query: AllJobsQuery,
  ): Promise<{ readonly jobs: readonly OperatorJobView[]; readonly nextPageToken?: string }> {
    const { storage, pageTokens } = this.#options;
    const binding = bindingOf(query);
    const { pageToken } = query;
    const below = pageToken === undefined ? Number.MAX_SAFE_INTEGER : pageTokens.read(pageToken, binding);
    const { rows, nextBelow } = await findJobs(storage, query, below);
    const jobs = rows.map(toOperatorJobView);
    return nextBelow === undefined ? { jobs } : { jobs, nextPageToken: pageTokens.write(nextBelow, binding) };
  }

  async job(jobId: string): Promise<OperatorJobView | null> {
    const row = await this.#find(jobId);
    return row === undefined ? null : toOperatorJobView(row);
  }

  async attempts(jobId: string, limit: number): Promise<readonly AttemptRecord[]> {
    const row = await this.#find(jobId);
    return row === undefined ? [] : readAttempts(row, { reader: this.#options.jobs, limit });
  }

  async args(jobId: string): Promise<Uint8Array | null> {
    const row = await this.#find(jobId);
    return (row && (await this.#options.storage.args(row.seq))) ?? null;
  }

  async result(jobId: string): Promise<Uint8Array | null> {
    const row = await this.#find(jobId);
    return (row && (await this.#options.jobs.result(row.owner, jobId))) ?? null;
  }

  async cancel(jobId: string): Promise<OperatorJobView | null> {
    const row = await this.#find(jobId);
    const cancelled = row && (await this.#options.jobs.cancel(row.owner, jobId));
    return cancelled === undefined ? null : toOperatorJobView(cancelled.row);
  }

  instances(): Promise<readonly InstanceRecord[]> {
    return this.#options.storage.instances();
  }

  statsByTool(): Promise<readonly ToolStats[]> {
    const { storage, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    if (this.#stats !== undefined && startedMs < this.#statsUntilMs) return this.#stats;
    const stats = storage.statsByTool();
    this.#stats = stats;
    this.#statsUntilMs = Number.POSITIVE_INFINITY;
    stats.then(
      () => {
        const tookMs = clock.monotonicMs() - startedMs;
        this.#statsUntilMs = startedMs + Math.max(STATS_KEPT_MS, STATS_COST_FACTOR * tookMs);
      },
      () => {
        this.#stats = undefined;
      },
    );
    return stats;
  }

  async #find(jobId: string): Promise<JobRow | undefined> {
    const [row] = await this.#options.jobs.find([jobId]);
    return row;
  }
}

function toOperatorJobView(row: JobRow): OperatorJobView {
  return { ...toJobView(row), instance: row.instance_id ?? undefined };
}

/** A list of an owner has another number of members, so its tokens are valid for no operator's list. */
function bindingOf({ states, tool, owner, createdSinceMs, createdBeforeMs }: AllJobsQuery): readonly unknown[] {
  const limits = [createdSinceMs ?? null, createdBeforeMs ?? null];
  return ["all owners", owner ?? null, [...new Set(states)].sort(), tool ?? null, ...limits];
}

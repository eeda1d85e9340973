import type { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import type { JobState } from "../../../jobs/job.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { VERSION } from "../../../runtime/version.ts";
import { type InstanceInfo, UNANNOUNCED } from "../../instance-info.ts";
import type { JobRange, OperatorStorage, Positions } from "../../operator/operator-storage.ts";
import { type ToolCounts, toToolStats } from "../../operator/tool-counts.ts";
import type { InstanceRecord, ToolStats } from "../../operator-view.ts";
import { reading } from "../storage-error.ts";
import { preparePositions } from "./find-positions.ts";
import { prepareAllJobs } from "./list-all-jobs.ts";
import { prepareToolStats } from "./tool-stats.ts";

/** Options of a {@link SqliteOperatorStorage}. */
export interface SqliteOperatorStorageOptions {
  readonly db: DatabaseSync;
  /** Id of this process. */
  readonly instanceId: string;
  readonly clock: Clock;
}

/** The {@link OperatorStorage} of the embedded store, which one process uses. */
export class SqliteOperatorStorage implements OperatorStorage {
  /** What this process has announced. */
  info: InstanceInfo = UNANNOUNCED;
  readonly #options: SqliteOperatorStorageOptions;
  readonly #reads;
  readonly #toolStats: ReturnType<typeof prepareToolStats>;
  readonly #sinceMs: number;

  constructor(options: SqliteOperatorStorageOptions) {
    const { db, clock } = options;
    this.#options = options;
    this.#reads = {
      ...preparePositions(db),
      ...prepareAllJobs(db),
      running: prepareCountRunning(db),
      args: prepareArgs(db),
    };
    this.#toolStats = prepareToolStats(db);
    this.#sinceMs = clock.nowMs();
  }

  async owners(states: readonly JobState[], most: number): Promise<readonly string[] | undefined> {
    return reading(() => this.#reads.owners(states, most));
  }

  async jobsOf(owners: readonly string[], range: JobRange): Promise<readonly JobRow[]> {
    return reading(() => this.#reads.jobsOf(owners, range));
  }

  /** Lets other work of the process go on afterwards, because a search reads several ranges. */
  async jobsIn(range: JobRange): Promise<readonly JobRow[]> {
    const rows = reading(() => this.#reads.jobsIn(range));
    await setImmediate();
    return rows;
  }

  async positionOf(count: number, positions: Positions): Promise<number | undefined> {
    return reading(() => this.#reads.positionOf(count, positions));
  }

  async positionAt(timeMs: number): Promise<number> {
    return reading(() => this.#reads.positionAt(timeMs));
  }

  async args(position: number): Promise<Uint8Array | undefined> {
    return reading(() => this.#reads.args(position));
  }

  async instances(): Promise<readonly InstanceRecord[]> {
    const { instanceId: id, clock } = this.#options;
    const running = reading(() => this.#reads.running());
    return [{ id, ...this.info, version: VERSION, sinceMs: this.#sinceMs, renewedAtMs: clock.nowMs(), running }];
  }

  async statsByTool(): Promise<readonly ToolStats[]> {
    const counts: ToolCounts = new Map();
    const slices = this.#toolStats(counts)[Symbol.iterator]();
    while (!reading(() => slices.next()).done) await setImmediate();
    return toToolStats(counts);
  }
}

function prepareArgs(db: DatabaseSync): (seq: number) => Uint8Array | undefined {
  const args = db.prepare("SELECT args FROM job_args WHERE seq = ?");
  return (seq) => args.get(seq)?.args as Uint8Array | undefined;
}

function prepareCountRunning(db: DatabaseSync): () => number {
  const running = db.prepare("SELECT coalesce(sum(jobs), 0) AS jobs FROM job_count WHERE state = 'RUNNING'");
  return () => Number(running.get()?.jobs);
}

import type { JobState } from "../../../jobs/job.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { JobRange, OperatorStorage, Positions } from "../../operator/operator-storage.ts";
import type { InstanceRecord, ToolStats } from "../../operator-view.ts";
import { readInstances } from "../instance.ts";
import type { Queries } from "../queries.ts";
import { sql } from "../statement.ts";
import { readPositionAt, readPositionOf } from "./find-positions.ts";
import { readJobsIn, readJobsOf, readOwners } from "./list-all-jobs.ts";
import { readToolStats } from "./tool-stats.ts";

const READ_ARGS = sql("SELECT args FROM job_args WHERE seq = :position");

/** The {@link OperatorStorage} of a shared store. */
export class PostgresOperatorStorage implements OperatorStorage {
  readonly #queries: Queries;

  constructor(queries: Queries) {
    this.#queries = queries;
  }

  owners(states: readonly JobState[], most: number): Promise<readonly string[] | undefined> {
    return readOwners(this.#queries, states, most);
  }

  jobsOf(owners: readonly string[], range: JobRange): Promise<readonly JobRow[]> {
    return readJobsOf(this.#queries, owners, range);
  }

  jobsIn(range: JobRange): Promise<readonly JobRow[]> {
    return readJobsIn(this.#queries, range);
  }

  positionOf(count: number, positions: Positions): Promise<number | undefined> {
    return readPositionOf(this.#queries, count, positions);
  }

  positionAt(timeMs: number): Promise<number> {
    return readPositionAt(this.#queries, timeMs);
  }

  async args(position: number): Promise<Uint8Array | undefined> {
    const [row] = await this.#queries.all<{ args: Uint8Array }>(READ_ARGS, { position });
    return row?.args;
  }

  instances(): Promise<readonly InstanceRecord[]> {
    return readInstances(this.#queries);
  }

  statsByTool(): Promise<readonly ToolStats[]> {
    return readToolStats(this.#queries);
  }
}

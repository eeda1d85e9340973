import type { Clock } from "../../runtime/clock.ts";
import { runPeriodically } from "../../runtime/periodic.ts";
import type { Database } from "./database.ts";
import { sql } from "./statement.ts";

/** How long a process counts as alive after it last said so, in seconds. */
const LEASE_SECONDS = 10;
const RENEWAL_MS = 2_500;

const RENEW = sql(`
  INSERT INTO instance VALUES (:instanceId, clock_timestamp() + interval '${LEASE_SECONDS} seconds')
  ON CONFLICT (instance_id) DO UPDATE SET expires_at = excluded.expires_at
  RETURNING floor(extract(epoch FROM expires_at) * 1000)::bigint AS "untilMs"`);
const END = sql("DELETE FROM instance WHERE instance_id = :instanceId");
/** A dead instance says no more than one that is not there, but whoever woke up late may still renew its row. */
const FORGET = sql("DELETE FROM instance WHERE expires_at < clock_timestamp() - interval '1 day'");

/** True in SQL for the row of `table` whose instance is alive. */
export function instanceLives(table: string): string {
  return `EXISTS (SELECT FROM instance WHERE instance.instance_id = ${table}.instance_id AND expires_at > clock_timestamp())`;
}

/** A lease that was committed: it ends at `untilMs`, Unix milliseconds of the database, or later. */
export interface Lease {
  readonly id: string;
  readonly untilMs: number;
}

/** This process among those that have the store open: holds its lease until it is disposed. */
export class Instance implements AsyncDisposable {
  readonly #database: Database;
  readonly #renewals: AsyncDisposable;
  readonly id: string;
  #leasedUntilMs: number | undefined;

  private constructor(database: Database, id: string, clock: Clock) {
    this.#database = database;
    this.id = id;
    // One that cannot be renewed now can be at the next turn; if it runs out, what runs here is fenced off.
    this.#renewals = runPeriodically(clock, RENEWAL_MS, () => this.#renew().catch(() => {}));
  }

  /** Takes a lease. Throws UNAVAILABLE. */
  static async enter(database: Database, id: string, clock: Clock): Promise<Instance> {
    const instance = new Instance(database, id, clock);
    try {
      await instance.#renew();
      await database.all(FORGET);
      return instance;
    } catch (thrown) {
      await instance.#renewals[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** The last lease that the database has said to be committed. */
  get lastLease(): Lease | undefined {
    return this.#leasedUntilMs === undefined ? undefined : { id: this.id, untilMs: this.#leasedUntilMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#renewals[Symbol.asyncDispose]();
    this.#leasedUntilMs = undefined;
    await this.#database.all(END, { instanceId: this.id }).catch(() => {});
  }

  async #renew(): Promise<void> {
    const [row] = await this.#database.all<Pick<Lease, "untilMs">>(RENEW, { instanceId: this.id });
    this.#leasedUntilMs = row?.untilMs;
  }
}

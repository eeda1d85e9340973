import type { Clock } from "../../runtime/clock.ts";
import { runPeriodically } from "../../runtime/periodic.ts";
import type { Database } from "./database.ts";
import { sql } from "./statement.ts";

/** Duration of a lease, in seconds. */
const LEASE_SECONDS = 10;
const RENEWAL_MS = 2_500;

const RENEW = sql(`
  INSERT INTO instance VALUES (:instanceId, clock_timestamp() + interval '${LEASE_SECONDS} seconds')
  ON CONFLICT (instance_id) DO UPDATE SET expires_at = excluded.expires_at
  RETURNING floor(extract(epoch FROM expires_at) * 1000)::bigint AS "untilMs"`);
const END = sql("DELETE FROM instance WHERE instance_id = :instanceId");
/**
 * An expired row means the same as a missing one. It is kept for a while, because a delayed process may still renew it.
 */
const FORGET = sql("DELETE FROM instance WHERE expires_at < clock_timestamp() - interval '1 day'");

/** An SQL condition that is true if the instance of a row of `table` is alive. */
export function instanceLives(table: string): string {
  return `EXISTS (SELECT FROM instance WHERE instance.instance_id = ${table}.instance_id AND expires_at > clock_timestamp())`;
}

/** A committed lease. It ends at `untilMs` or later, Unix milliseconds by the database's clock. */
export interface Lease {
  readonly id: string;
  readonly untilMs: number;
}

/** The registration of this process with the store. It renews its lease until it is disposed. */
export class Instance implements AsyncDisposable {
  readonly #database: Database;
  readonly #renewals: AsyncDisposable;
  readonly id: string;
  #leasedUntilMs: number | undefined;

  private constructor(database: Database, id: string, clock: Clock) {
    this.#database = database;
    this.id = id;
    // A failed renewal is repeated after the interval. If the lease expires, the attempts of this process are fenced
    // off.
    this.#renewals = runPeriodically(clock, RENEWAL_MS, () => this.#renew().catch(() => {}));
  }

  /** Registers the process with a lease. Throws UNAVAILABLE. */
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

  /** The last lease whose commit the database has confirmed. */
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

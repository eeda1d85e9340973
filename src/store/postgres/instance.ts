import type { Clock } from "../../runtime/clock.ts";
import { runPeriodically } from "../../runtime/periodic.ts";
import { VERSION } from "../../runtime/version.ts";
import { type InstanceInfo, UNANNOUNCED } from "../instance-info.ts";
import type { InstanceRecord } from "../operator-view.ts";
import type { Database } from "./database.ts";
import type { Queries } from "./queries.ts";
import { sql } from "./statement.ts";

/** Duration of a lease, in seconds. */
const LEASE_SECONDS = 10;
const LEASE_MS = LEASE_SECONDS * 1_000;
const RENEWAL_MS = 2_500;
/**
 * After a longer time between two renewals, the leases of other processes may have expired although they live: they could not
 * renew them either. Theirs take place up to an interval before and after, so that together it is less than a lease.
 */
const GAP_MS = 4_000;

const EXPIRY = `clock_timestamp() + interval '${LEASE_SECONDS} seconds'`;

/** Renews the lease of the instance `:instanceId`, unless its last renewal was a short time ago. */
export const RENEW_OLD_LEASE = `UPDATE instance SET expires_at = ${EXPIRY}
  WHERE instance_id = :instanceId AND expires_at < ${EXPIRY} - interval '${2 * RENEWAL_MS} milliseconds'`;

const RENEW = sql(`
  WITH renewed AS (
    INSERT INTO instance VALUES (:instanceId, ${EXPIRY})
    ON CONFLICT (instance_id) DO UPDATE SET expires_at = excluded.expires_at
    RETURNING expires_at
  ), described AS (
    INSERT INTO instance_detail (instance_id, role, version, address, since)
    VALUES (:instanceId, :role, :version, :address, clock_timestamp())
    ON CONFLICT (instance_id) DO UPDATE SET role = excluded.role, address = excluded.address
      WHERE instance_detail.role <> excluded.role OR instance_detail.address <> excluded.address
  )
  SELECT floor(extract(epoch FROM expires_at) * 1000)::bigint AS "untilMs" FROM renewed`);
const MS = (time: string): string => `floor(extract(epoch FROM ${time}) * 1000)::bigint`;
/** A server of an earlier layout has no details. */
const LIVING = sql(`
  SELECT instance_id AS id, coalesce(role, 'server') AS role, coalesce(version, '') AS version,
    coalesce(address, '') AS address, ${MS("coalesce(since, renewed_at)")} AS "sinceMs", ${MS("renewed_at")} AS "renewedAtMs",
    (SELECT count(*) FROM job WHERE state = 'RUNNING' AND job.instance_id = living.instance_id) AS running
  FROM (
    SELECT *, expires_at - interval '${LEASE_SECONDS} seconds' AS renewed_at FROM instance
    WHERE expires_at > clock_timestamp()
  ) AS living LEFT JOIN instance_detail USING (instance_id)
  ORDER BY "sinceMs", id`);
const END = sql("DELETE FROM instance WHERE instance_id = :instanceId");
/**
 * An expired row means the same as a missing one. It is kept for a while, because a delayed process may still renew it.
 */
const FORGET = sql("DELETE FROM instance WHERE expires_at < clock_timestamp() - interval '1 day'");

/**
 * An SQL condition that is true if the instance of a row of `table` counts as alive. Its parameter is the process's
 * {@link Instance.steadyUntilMs}: an expired lease means a dead process only for one that has been able to renew its own.
 */
export function instanceLives(table: string): string {
  return `EXISTS (SELECT FROM instance WHERE instance.instance_id = ${table}.instance_id
    AND (expires_at > clock_timestamp() OR clock_timestamp() >= to_timestamp(:steadyUntilMs / 1000.0)))`;
}

/** A committed lease. It ends at `untilMs` or later, Unix milliseconds by the database's clock. */
export interface Lease {
  readonly id: string;
  readonly untilMs: number;
}

/** The registration of this process with the store. It renews its lease until it is disposed. */
export class Instance implements AsyncDisposable {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #renewals: AsyncDisposable;
  readonly id: string;
  #leasedUntilMs: number | undefined;
  /** Time of the last renewal, monotonic milliseconds. */
  #renewedAtMs = Number.NEGATIVE_INFINITY;
  /** Time since which the lease was renewed without a gap, monotonic milliseconds. */
  #steadySinceMs = 0;
  #info: InstanceInfo = UNANNOUNCED;

  private constructor(database: Database, id: string, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
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

  /**
   * The end of this process's lease by the database's clock, Unix milliseconds, if it has renewed it for the time of a lease
   * without a gap. Otherwise 0: the database may have been away, or its clock set, so that other processes that live have not
   * renewed theirs yet.
   */
  get steadyUntilMs(): number {
    const nowMs = this.#clock.monotonicMs();
    const isSteady = nowMs - this.#renewedAtMs <= GAP_MS && nowMs - this.#steadySinceMs >= LEASE_MS;
    return isSteady ? (this.#leasedUntilMs ?? 0) : 0;
  }

  /** Sets what operators see of this process. If this fails, the next renewal writes it. */
  async announce(info: InstanceInfo): Promise<void> {
    this.#info = info;
    await this.#renew().catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#renewals[Symbol.asyncDispose]();
    this.#leasedUntilMs = undefined;
    await this.#database.all(END, { instanceId: this.id }).catch(() => {});
  }

  async #renew(): Promise<void> {
    const values = { instanceId: this.id, version: VERSION, ...this.#info };
    const [row] = await this.#database.all<Pick<Lease, "untilMs">>(RENEW, values);
    this.#renewed(row?.untilMs);
  }

  /** A step of the database's clock is a gap, too. */
  #renewed(untilMs: number | undefined): void {
    const nowMs = this.#clock.monotonicMs();
    const gapMs = Math.max(nowMs - this.#renewedAtMs, (untilMs ?? 0) - (this.#leasedUntilMs ?? 0));
    if (gapMs > GAP_MS) this.#steadySinceMs = nowMs;
    this.#renewedAtMs = nowMs;
    this.#leasedUntilMs = untilMs;
  }
}

/** The processes whose lease has not ended, oldest first. */
export function readInstances(queries: Queries): Promise<InstanceRecord[]> {
  return queries.all<InstanceRecord>(LIVING);
}

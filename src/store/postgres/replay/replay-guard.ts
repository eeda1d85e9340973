import { SealwireError } from "../../../errors.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/logger.ts";
import { Batch } from "../../batch.ts";
import type { SettableCondition } from "../../condition.ts";
import { freshnessUnknown } from "../../freshness-unknown.ts";
import { bandOf, clampStamp, REFUSED_NONCES_MAX, rangeAround } from "../../refused-stamps.ts";
import type { FrameWindow, NonceClaim, ReplayGuard } from "../../store.ts";
import type { Database } from "../database.ts";
import { sqlState } from "../database-error.ts";
import { clockDiffers, type DatabaseWatch } from "../database-watch.ts";
import { readNonceCount } from "../figures.ts";
import { NONCE_SLOTS } from "../layout-1.ts";
import type { Queries } from "../queries.ts";
import { type Statement, sql } from "../statement.ts";
import { distrustFrames, holdClaims, widenWindow } from "./replay-floor.ts";

/** Maximum number of claims in one statement. */
const GROUP = 512;
/** Maximum size of the nonces of refused frames of all clients, in bytes: about 100,000 nonces. */
const REFUSED_BYTES_MAX = 16 * 1024 * 1024;
/** The place of a claim that reports differing clocks. */
const CLOCK_DIFFERS = 0;
/** The place that reports a store with a narrower window than this server's. */
const WINDOW_NARROWED = -1;

/** The claim itself is the function `claim_frames` of layout-2.ts. */
const CLAIM = sql(`
  SELECT place, until_ms FROM claim_frames(
    :lock::integer, :now::bigint, :clientIds::text[], :nonces::bytea[], :stamps::bigint[])
  UNION ALL SELECT ${WINDOW_NARROWED}, NULL FROM store_state WHERE max_ahead_ms < :maxAhead::bigint`);
const REFUSE = sql(`
  SELECT FROM refuse_frames(
    :lock::integer, :most::bigint, :mostBytes::bigint, :clientIds::text[], :nonces::bytea[], :stamps::bigint[],
    :bands::integer[], :froms::bigint[], :tos::bigint[])`);
const RAISE_FLOOR = sql("UPDATE store_state SET replay_floor_ms = greatest(replay_floor_ms, :floor::bigint)");
const FAR_AHEAD = `nonce_${NONCE_SLOTS}`;

/** The nonce tables that are truncated, with their statements. */
const SLOTS = Array.from({ length: NONCE_SLOTS }, (_, slot) => {
  const table = `nonce_${slot}`;
  return {
    /** Stops at the first row that has not expired. In a table in use this is the first row. */
    isOver: sql(`
      SELECT EXISTS (SELECT FROM ${table})
        AND NOT EXISTS (SELECT FROM ${table} WHERE expires_at_ms > (SELECT store_now_ms())) AS over`),
    measure: sql(`SELECT count(*) AS nonces, max(expires_at_ms) AS floor FROM ${table}`),
    lock: sql(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`),
    empty: sql(`TRUNCATE ${table}`),
  };
});
/** How long claims wait for others that read a table to be truncated. */
const WAIT_BRIEFLY = sql("SELECT set_config('lock_timeout', '100ms', true)");
const LOCK_NOT_AVAILABLE = "55P03";
const OVER_FAR_AHEAD = "expires_at_ms <= (SELECT store_now_ms())";
const DUE_FAR_AHEAD = sql(`SELECT FROM ${FAR_AHEAD} WHERE ${OVER_FAR_AHEAD} LIMIT 1`);
const REMOVE_FAR_AHEAD = sql(`
  WITH removed AS (DELETE FROM ${FAR_AHEAD} WHERE ${OVER_FAR_AHEAD} RETURNING expires_at_ms)
  SELECT count(*) AS nonces, max(expires_at_ms) AS floor FROM removed`);
/** A range expires when all its timestamps are too old to be accepted. */
const REMOVE_RANGES = sql(`
  DELETE FROM refused_range USING store_state WHERE refused_range.to_ms + max_age_ms < (SELECT store_now_ms())`);

/** Options of a {@link PostgresReplayGuard}. */
export interface PostgresReplayGuardOptions {
  readonly database: Database;
  /** The lock that claims hold in shared mode and a sweep holds exclusively. */
  readonly nonceLock: number;
  readonly watch: DatabaseWatch;
  readonly condition: SettableCondition;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The {@link ReplayGuard} of a shared store. Every claim is durable before it is answered. Nonces expire by the
 * database's clock. A process whose clock differs from it cannot claim or sweep.
 */
export class PostgresReplayGuard implements ReplayGuard {
  readonly #options: PostgresReplayGuardOptions;
  readonly #claims: Batch<NonceClaim, boolean>;
  readonly #refusals: Batch<NonceClaim, undefined>;
  #window: FrameWindow = { maxAgeMs: 0, maxAheadMs: 0 };

  constructor(options: PostgresReplayGuardOptions) {
    this.#options = options;
    this.#claims = new Batch({ most: GROUP, run: (group) => this.#claimGroup(group) });
    this.#refusals = new Batch({ most: GROUP, run: (group) => this.#refuseGroup(group) });
  }

  async widen(window: FrameWindow): Promise<void> {
    const { maxAgeMs, maxAheadMs } = window;
    await this.#alone((queries) => widenWindow(queries, maxAgeMs, maxAheadMs));
    this.#window = window;
  }

  async claim(claim: NonceClaim): Promise<boolean> {
    this.#options.condition.throwIfLost();
    return this.#claims.add(claim);
  }

  async refuse(claim: NonceClaim): Promise<void> {
    this.#options.condition.throwIfLost();
    await this.#refusals.add(claim);
  }

  async distrust(): Promise<void> {
    await this.#alone(distrustFrames);
  }

  async sweep(): Promise<number> {
    const { database, condition } = this.#options;
    if (!condition.serving) return 0;
    let removed = 0;
    for (const { isOver, measure, lock, empty } of SLOTS) {
      const [slot] = await database.all<{ over: boolean }>(isOver);
      if (!slot?.over) continue;
      removed += await this.#alone(async (queries) => {
        // Checked again, because a claim may have been made before the lock.
        const [still] = await queries.all<{ over: boolean }>(isOver);
        if (!still?.over || !(await lockTable(queries, lock))) return 0;
        const nonces = await raiseFloor(queries, await queries.all<Removed>(measure));
        await queries.all(empty);
        return nonces;
      });
    }
    await database.all(REMOVE_RANGES);
    return removed + (await this.#sweepFarAhead());
  }

  size(): Promise<number> {
    return readNonceCount(this.#options.database);
  }

  /** Runs a change of the floor while claims are blocked. */
  #alone<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#options.database.transaction(async (queries) => {
      await holdClaims(queries, this.#options.nonceLock);
      return work(queries);
    });
  }

  async #sweepFarAhead(): Promise<number> {
    const due = await this.#options.database.all(DUE_FAR_AHEAD);
    if (due.length === 0) return 0;
    return this.#alone(async (queries) => raiseFloor(queries, await queries.all<Removed>(REMOVE_FAR_AHEAD)));
  }

  /** If a group contains a nonce twice, the first claim succeeds. */
  async #claimGroup(group: readonly NonceClaim[]): Promise<readonly (boolean | Error)[]> {
    const { database, nonceLock, watch, clock } = this.#options;
    const rows = await database.all<{ place: number; until_ms: number | null }>(CLAIM, {
      lock: nonceLock,
      now: clock.nowMs(),
      maxAhead: this.#window.maxAheadMs,
      ...columnsOf(group),
    });
    if (rows.some(({ place }) => place === WINDOW_NARROWED)) await this.#widenAgain();
    const outcomes: (boolean | Error)[] = group.map(() => false);
    for (const { place, until_ms } of rows) {
      if (place === CLOCK_DIFFERS) {
        await watch.look();
        throw clockDiffers();
      }
      const claim = group[place - 1] as NonceClaim;
      outcomes[place - 1] = until_ms === null || freshnessUnknown(claim.tsMs, until_ms, FORGOTTEN);
    }
    return outcomes;
  }

  /**
   * Restores the window of a store that was narrowed while this server did not answer. The claims count as failed: after a
   * loss of nonces in between, the narrower window would not cover them.
   */
  async #widenAgain(): Promise<never> {
    await this.widen(this.#window);
    const fields = { max_ahead_ms: this.#window.maxAheadMs };
    this.#options.logger.warn(fields, "the store's max_ahead_ms was narrower than this server's; it is widened again");
    throw new SealwireError("UNAVAILABLE", "The server's store had a narrower time window; try again.", {
      retryDelayMs: 1_000,
    });
  }

  async #refuseGroup(group: readonly NonceClaim[]): Promise<undefined[]> {
    const { database, nonceLock: lock, clock } = this.#options;
    const now = clock.nowMs();
    const ranges = group.map(({ tsMs }) => rangeAround(tsMs));
    await database.all(REFUSE, {
      lock,
      most: REFUSED_NONCES_MAX,
      mostBytes: REFUSED_BYTES_MAX,
      ...columnsOf(group),
      bands: group.map(({ tsMs }) => bandOf(tsMs - now)),
      froms: ranges.map(({ fromMs }) => fromMs),
      tos: ranges.map(({ toMs }) => toMs),
    });
    return group.map(() => undefined);
  }
}

const FORGOTTEN = "The store may not contain the nonces of all frames with this timestamp";

interface Removed {
  readonly nonces: number;
  readonly floor: number | null;
}

function columnsOf(group: readonly NonceClaim[]) {
  return {
    clientIds: group.map(({ clientId }) => clientId),
    nonces: group.map(({ nonce }) => Buffer.from(nonce)),
    stamps: group.map(({ tsMs }) => clampStamp(tsMs)),
  };
}

/**
 * Locks a table to be truncated. Returns false if another session reads it, such as pg_dump: claims must not wait for its end,
 * and a later sweep truncates the table. The transaction has then failed and must do nothing else.
 */
async function lockTable(queries: Queries, lock: Statement): Promise<boolean> {
  await queries.all(WAIT_BRIEFLY);
  try {
    await queries.all(lock);
    return true;
  } catch (thrown) {
    if (sqlState(thrown) !== LOCK_NOT_AVAILABLE) throw thrown;
    return false;
  }
}

async function raiseFloor(queries: Queries, [removed]: readonly Removed[]): Promise<number> {
  await queries.all(RAISE_FLOOR, { floor: removed?.floor ?? 0 });
  return removed?.nonces ?? 0;
}

import type { Clock } from "../../runtime/clock.ts";
import { Batch } from "../batch.ts";
import { DEFAULT_FRAME_WINDOW, type FrameWindow, type NonceClaim, type ReplayGuard } from "../store.ts";
import type { Database, Queries } from "./database.ts";
import { NONCE_SLOTS } from "./migrations.ts";
import { sql } from "./statement.ts";

/** Most claims in one statement. */
const GROUP = 512;

const CLAIM = sql(`
  SELECT place FROM claim_nonces(:lock::integer, :now::bigint, :clientIds::text[], :nonces::bytea[], :expiries::bigint[])
    AS place`);
const SIZE = sql("SELECT count(*) AS nonces FROM nonce");
const LOCK = sql("SELECT pg_advisory_xact_lock(:lock, 0)");
const RAISE_FLOOR = sql("UPDATE store_state SET replay_floor_ms = greatest(replay_floor_ms, :floor::bigint)");
const FAR_AHEAD = `nonce_${NONCE_SLOTS}`;

/** The tables that are emptied as a whole, with what it takes. */
const SLOTS = Array.from({ length: NONCE_SLOTS }, (_, slot) => {
  const table = `nonce_${slot}`;
  return {
    /** Ends at the first row that has not expired, which in a table that is in use is the first of all. */
    isOver: sql(`
      SELECT EXISTS (SELECT FROM ${table}) AND NOT EXISTS (SELECT FROM ${table} WHERE expires_at_ms > :now) AS over`),
    measure: sql(`SELECT count(*) AS nonces, max(expires_at_ms) AS floor FROM ${table}`),
    empty: sql(`TRUNCATE ${table}`),
  };
});
const EXPIRED_FAR_AHEAD = sql(`
  WITH removed AS (DELETE FROM ${FAR_AHEAD} WHERE expires_at_ms <= :now RETURNING expires_at_ms)
  SELECT count(*) AS nonces, max(expires_at_ms) AS floor FROM removed`);

/** What the nonces of a shared store are kept with. */
export interface PostgresReplayGuardOptions {
  readonly database: Database;
  /** The lock that claims hold together and a sweep holds alone. */
  readonly nonceLock: number;
  readonly clock: Clock;
}

/** The {@link ReplayGuard} of a shared store. Every claim is durable before it is answered. */
export class PostgresReplayGuard implements ReplayGuard {
  readonly #options: PostgresReplayGuardOptions;
  readonly #claims: Batch<NonceClaim, boolean>;
  #window = DEFAULT_FRAME_WINDOW;

  constructor(options: PostgresReplayGuardOptions) {
    this.#options = options;
    this.#claims = new Batch({ most: GROUP, run: (group) => this.#claimGroup(group) });
  }

  async widen({ maxAgeMs, maxAheadMs }: FrameWindow): Promise<void> {
    this.#window = {
      maxAgeMs: Math.max(this.#window.maxAgeMs, maxAgeMs),
      maxAheadMs: Math.max(this.#window.maxAheadMs, maxAheadMs),
    };
  }

  claim(claim: NonceClaim): Promise<boolean> {
    return this.#claims.add(claim);
  }

  async refuse(claim: NonceClaim): Promise<void> {
    await this.#claims.add(claim);
  }

  async distrust(): Promise<void> {
    const { maxAgeMs, maxAheadMs } = this.#window;
    const { database, clock } = this.#options;
    await database.all(RAISE_FLOOR, { floor: clock.nowMs() + maxAgeMs + maxAheadMs });
  }

  async sweep(): Promise<number> {
    const { database, clock } = this.#options;
    const now = clock.nowMs();
    let removed = 0;
    for (const { isOver, measure, empty } of SLOTS) {
      const [slot] = await database.all<{ over: boolean }>(isOver, { now });
      if (!slot?.over) continue;
      removed += await this.#alone(async (queries) => {
        // Looked at again: a claim may have come before the lock.
        const [still] = await queries.all<{ over: boolean }>(isOver, { now });
        if (!still?.over) return 0;
        const nonces = await raiseFloor(queries, await queries.all<Removed>(measure));
        await queries.all(empty);
        return nonces;
      });
    }
    return removed + (await this.#sweepFarAhead(now));
  }

  async size(): Promise<number> {
    const [row] = await this.#options.database.all<{ nonces: number }>(SIZE);
    return row?.nonces ?? 0;
  }

  /** Runs a removal while no claim is under way. */
  #alone(remove: (queries: Queries) => Promise<number>): Promise<number> {
    return this.#options.database.transaction(async (queries) => {
      await queries.all(LOCK, { lock: this.#options.nonceLock });
      return remove(queries);
    });
  }

  async #sweepFarAhead(now: number): Promise<number> {
    const due = await this.#options.database.all(sql(`SELECT FROM ${FAR_AHEAD} WHERE expires_at_ms <= :now LIMIT 1`), {
      now,
    });
    if (due.length === 0) return 0;
    return this.#alone(async (queries) => raiseFloor(queries, await queries.all<Removed>(EXPIRED_FAR_AHEAD, { now })));
  }

  /** Of a nonce that the group holds twice the first claim wins. */
  async #claimGroup(group: readonly NonceClaim[]): Promise<readonly boolean[]> {
    const { database, nonceLock, clock } = this.#options;
    const rows = await database.all<{ place: number }>(CLAIM, {
      lock: nonceLock,
      now: clock.nowMs(),
      clientIds: group.map(({ clientId }) => clientId),
      nonces: group.map(({ nonce }) => Buffer.from(nonce)),
      // A stamp may be any int64; what expires later than a number can say is kept as long as one can.
      expiries: group.map(({ tsMs }) => Math.min(tsMs + this.#window.maxAgeMs, Number.MAX_SAFE_INTEGER)),
    });
    const claimed = new Set(rows.map(({ place }) => place));
    return group.map((_, index) => claimed.has(index + 1));
  }
}

interface Removed {
  readonly nonces: number;
  readonly floor: number | null;
}

async function raiseFloor(queries: Queries, [removed]: readonly Removed[]): Promise<number> {
  await queries.all(RAISE_FLOOR, { floor: removed?.floor ?? 0 });
  return removed?.nonces ?? 0;
}

import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { SettableCondition } from "../condition.ts";
import { compareLayout } from "../layout.ts";
import type { ConnectionHook } from "./connection/connector.ts";
import type { Database } from "./database.ts";
import { otherLayout, SCHEMA_VERSION, type StorePlace } from "./schema.ts";
import { sql } from "./statement.ts";

/** Time without an answer of the database after which the store stops serving, in milliseconds. */
const AWAY_MS = 3_000;
/** Slower answers are not used to compare clocks, in milliseconds. */
const ANSWERED_WITHIN_MS = 5_000;

const LOOK = sql(`
  SELECT store_now_ms() AS now, (max_age_ms + max_ahead_ms) / 2 AS tolerance, version AS layout, min_reader AS "minReader",
    concat(pg_relation_filenode('store_state'), '/', origin) AS origin
  FROM store_state, store_version`);

interface Look {
  readonly now: number;
  readonly tolerance: number;
  readonly layout: number;
  readonly minReader: number;
  /** Changes when a backup is restored over the tables, or when an operator requests that frames are refused. */
  readonly origin: string;
}

/** Options of a {@link DatabaseWatch}. */
export interface DatabaseWatchOptions {
  readonly database: Database;
  readonly place: StorePlace;
  /** Checks, on a connection, whether the database was replaced. */
  readonly checkOrigin: ConnectionHook;
  readonly condition: SettableCondition;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Checks whether this process can use the store: the database is reachable, its clock agrees with the process's clock,
 * its layout is supported, and the tables were not replaced.
 */
export class DatabaseWatch {
  readonly #options: DatabaseWatchOptions;
  #agrees = true;
  #origin: string | undefined;
  /** Start of the current failure, in monotonic milliseconds. */
  #silentSinceMs: number | undefined;

  constructor(options: DatabaseWatchOptions) {
    this.#options = options;
  }

  /** Checks the database and sets the condition of the store. Throws UNAVAILABLE. */
  async look(): Promise<void> {
    const { database, place, checkOrigin, condition, clock } = this.#options;
    const [askedMs, askedAtMs] = [clock.nowMs(), clock.monotonicMs()];
    const [found] = await this.#ask(database);
    const tookMs = clock.monotonicMs() - askedAtMs;
    if (found === undefined) return;
    if (compareLayout(found, SCHEMA_VERSION) === "incompatible") {
      condition.lose(otherLayout(place.shown, found));
      return;
    }
    if (this.#origin !== undefined && this.#origin !== found.origin) await database.inspect(checkOrigin);
    this.#origin = found.origin;
    if (tookMs <= ANSWERED_WITHIN_MS) this.#compare(askedMs + tookMs / 2 - found.now, found.tolerance);
  }

  async #ask(database: Database): Promise<Look[]> {
    const { condition, clock } = this.#options;
    const askedAtMs = clock.monotonicMs();
    try {
      const found = await database.all<Look>(LOOK);
      this.#silentSinceMs = undefined;
      condition.setServing(this.#agrees);
      return found;
    } catch (thrown) {
      this.#silentSinceMs ??= askedAtMs;
      if (clock.monotonicMs() - this.#silentSinceMs >= AWAY_MS) condition.setServing(false);
      throw thrown;
    }
  }

  #compare(aheadMs: number, tolerance: number): void {
    const { condition, logger } = this.#options;
    const agrees = Math.abs(aheadMs) <= tolerance;
    if (agrees === this.#agrees) return;
    this.#agrees = agrees;
    condition.setServing(agrees);
    const fields = { ahead_ms: Math.round(aheadMs), tolerance_ms: tolerance };
    if (agrees) logger.info(fields, "the clock agrees with the database's again");
    else
      logger.error(fields, "the clock differs from the database's by more than half the window; no calls are accepted");
  }
}

/** The error for calls while the clocks differ. */
export function clockDiffers(): SealwireError {
  return new SealwireError("UNAVAILABLE", "The server's clock differs from its database's; try another server.", {
    retryDelayMs: 1_000,
  });
}

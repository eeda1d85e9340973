import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Random } from "../../runtime/random.ts";
import { Feeds } from "../feeds.ts";
import { JobChanges } from "../job-changes.ts";
import { Lanes } from "../lanes.ts";
import { PageTokens } from "../page-token.ts";
import type { Store, StoreIdentity } from "../store.ts";
import { StoreChores } from "../store-chores.ts";
import { SettableCondition } from "../store-condition.ts";
import { StoredJobEngine } from "../stored-job-engine.ts";
import { SqliteIntentStore } from "./sqlite-intent-store.ts";
import { SqliteJobStorage } from "./sqlite-job-storage.ts";
import { type Connection, SqliteReplayGuard } from "./sqlite-replay-guard.ts";
import { SqliteRunLedger } from "./sqlite-run-ledger.ts";
import { leaveStore, type StoreState } from "./store-state.ts";

const REPAIR_INTERVAL_MS = 1_000;
const NONCE_SWEEP_INTERVAL_MS = 5_000;
const SWEEP_INTERVAL_MS = 30_000;

/** What an embedded store is made of. */
export interface SqliteStoreOptions {
  readonly durable: Connection;
  /** The same as `durable` for a database in memory. */
  readonly quick: Connection;
  readonly lock: Disposable | undefined;
  readonly state: StoreState;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The embedded store: jobs, nonces and intents in one SQLite database. */
export class SqliteStore implements Store {
  readonly jobs: StoredJobEngine;
  readonly replay: SqliteReplayGuard;
  readonly intents: SqliteIntentStore;
  readonly condition = new SettableCondition();
  readonly identity: StoreIdentity = { id: "", openings: 0 };
  readonly #options: SqliteStoreOptions;
  readonly #storage: SqliteJobStorage;
  readonly #ledger: SqliteRunLedger;
  readonly #chores: StoreChores;
  #closing: Promise<void> | undefined;

  constructor(options: SqliteStoreOptions) {
    const { durable, quick, state, clock, random, logger } = options;
    this.#options = options;
    const feeds = new Feeds(() => this.#storage, clock);
    const lanes = new Lanes();
    const changes = new JobChanges(feeds, lanes);
    this.#storage = new SqliteJobStorage({ ...durable, changes, clock, random });
    this.#ledger = new SqliteRunLedger({ ...durable, lanes, changes, clock });
    const pageTokens = new PageTokens(state.pageKey, random);
    this.jobs = new StoredJobEngine({
      storage: this.#storage,
      ledger: this.#ledger,
      feeds,
      pageTokens,
      clock,
      logger,
    });
    this.replay = new SqliteReplayGuard({ durable, quick, state, clock });
    this.intents = new SqliteIntentStore({ ...durable, clock });
    this.#chores = new StoreChores(clock, logger)
      .every(REPAIR_INTERVAL_MS, () => this.repair())
      .every(NONCE_SWEEP_INTERVAL_MS, () => this.replay.sweep())
      .every(SWEEP_INTERVAL_MS, () => this.jobs.sweep())
      .every(SWEEP_INTERVAL_MS, () => this.intents.sweep());
  }

  /** Brings every job into order whose time or worker has run out: lost attempts, passed queue time-outs. */
  async repair(): Promise<void> {
    await this.#ledger.recoverLost();
    await this.#storage.expireQueued();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { durable, quick, lock, logger } = this.#options;
    await this.#chores[Symbol.asyncDispose]();
    await this.jobs.close();
    quick.commits.close();
    durable.commits.close();
    try {
      leaveStore(durable.db);
    } catch (error) {
      logger.warn({ err: error }, "the store could not note that it was closed; it recovers at the next start");
    }
    if (quick.db !== durable.db) quick.db.close();
    durable.db.close();
    lock?.[Symbol.dispose]();
  }
}

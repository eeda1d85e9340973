import { SealwireError } from "../../errors.ts";
import { FairQueue } from "../../jobs/fair-queue.ts";
import { PageTokens } from "../../jobs/page-token.ts";
import { StoredJobEngine } from "../../jobs/stored-job-engine.ts";
import { Notifiers } from "../../jobs/watch/notifiers.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Random } from "../../runtime/random.ts";
import type { SettableCondition } from "../condition.ts";
import type { InstanceInfo } from "../instance-info.ts";
import { Maintenance } from "../maintenance.ts";
import { StoredOperatorView } from "../operator/stored-operator-view.ts";
import type { Store, StoreIdentity } from "../store.ts";
import { SqliteAuditHeads } from "./audit-heads.ts";
import { SqliteIntentStore } from "./intents.ts";
import { SqliteAttemptStore } from "./jobs/attempt-store.ts";
import { JobCounts } from "./jobs/job-counts.ts";
import { SqliteJobStorage } from "./jobs/job-storage.ts";
import { prepareFind } from "./jobs/read-jobs.ts";
import { RecentJobs } from "./jobs/recent-jobs.ts";
import { SqliteOperatorStorage } from "./operator/operator-storage.ts";
import { SqliteReplayGuard, type WriteConnection } from "./replay/replay-guard.ts";
import type { StoreFiles } from "./store-files.ts";
import { type EnteredState, leaveStore } from "./store-state.ts";

const FILES_INTERVAL_MS = 1_000;
const REPAIR_INTERVAL_MS = 1_000;
const NONCE_SWEEP_INTERVAL_MS = 5_000;
const SWEEP_INTERVAL_MS = 30_000;

/** Changes no value but requires a write. */
const WRITE_NOTHING = "UPDATE store_state SET openings = openings";

/** Options of a {@link SqliteStore}. */
export interface SqliteStoreOptions {
  readonly durable: WriteConnection;
  /** The same connection as `durable` for a database in memory. */
  readonly quick: WriteConnection;
  /** Name of the database in messages. */
  readonly path: string;
  readonly lock: Disposable | undefined;
  readonly state: EnteredState;
  readonly condition: SettableCondition;
  /** `undefined` for a database in memory. */
  readonly files: StoreFiles | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The embedded store: jobs, nonces and intents in one SQLite database. */
export class SqliteStore implements Store {
  readonly jobs: StoredJobEngine;
  readonly replay: SqliteReplayGuard;
  readonly intents: SqliteIntentStore;
  readonly auditHeads: SqliteAuditHeads;
  readonly operator: StoredOperatorView;
  readonly condition: SettableCondition;
  readonly identity: StoreIdentity;
  readonly instanceId: string;
  readonly #options: SqliteStoreOptions;
  readonly #storage: SqliteJobStorage;
  readonly #attemptStore: SqliteAttemptStore;
  readonly #operatorStorage: SqliteOperatorStorage;
  readonly #chores: Maintenance;
  #closing: Promise<void> | undefined;

  constructor(options: SqliteStoreOptions) {
    const { durable, quick, state, condition, clock, random, logger } = options;
    this.#options = options;
    this.condition = condition;
    this.identity = { id: state.storeId, openings: state.openings };
    const notifiers = new Notifiers(() => this.#storage, clock);
    const fairQueue = new FairQueue();
    const changes = new RecentJobs(notifiers, fairQueue, prepareFind(durable.db));
    const instanceId = random.uuid();
    this.instanceId = instanceId;
    const counts = new JobCounts(durable.db);
    durable.commits.summarize(counts);
    this.#storage = new SqliteJobStorage({ ...durable, counts, changes, clock, random });
    this.#attemptStore = new SqliteAttemptStore({
      ...durable,
      instanceId,
      counts,
      fairQueue,
      changes,
      clock,
    });
    const pageTokens = new PageTokens(state.pageKey, random);
    this.jobs = new StoredJobEngine({
      storage: this.#storage,
      attemptStore: this.#attemptStore,
      notifiers,
      pageTokens,
      clock,
      logger,
    });
    this.replay = new SqliteReplayGuard({ durable, quick, state, clock, logger, condition });
    this.intents = new SqliteIntentStore({ ...durable, clock });
    this.#operatorStorage = new SqliteOperatorStorage({ ...durable, instanceId, clock });
    const views = { storage: this.#operatorStorage, jobs: this.#storage };
    this.operator = new StoredOperatorView({ ...views, pageTokens, clock });
    this.auditHeads = new SqliteAuditHeads({ ...durable, clock });
    this.#chores = new Maintenance(clock, logger)
      .every(FILES_INTERVAL_MS, () => this.#lookAtFiles())
      .every(REPAIR_INTERVAL_MS, () => this.repair())
      .every(REPAIR_INTERVAL_MS, () => this.#tryToWrite())
      .every(NONCE_SWEEP_INTERVAL_MS, () => this.replay.sweep())
      .every(SWEEP_INTERVAL_MS, () => this.jobs.sweep())
      .every(SWEEP_INTERVAL_MS, () => this.intents.sweep());
  }

  async announce(info: InstanceInfo): Promise<void> {
    this.#operatorStorage.info = info;
  }

  get away(): boolean {
    const { durable, quick } = this.#options;
    return durable.commits.isAway || quick.commits.isAway;
  }

  /** Ends lost attempts and fails jobs whose queue time-out has passed. */
  async repair(): Promise<void> {
    await this.#attemptStore.recoverLost();
    await this.#storage.expireQueued();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Detects that the store can be written again, also without calls. */
  async #tryToWrite(): Promise<void> {
    const { durable, quick } = this.#options;
    for (const { db, commits } of [durable, quick]) if (commits.isAway) await commits.run(() => db.exec(WRITE_NOTHING));
  }

  async #lookAtFiles(): Promise<void> {
    const { files, path } = this.#options;
    const state = files?.look() ?? "in place";
    if (state === "in place") return;
    const what = state === "log gone" ? "the write-ahead log" : "the file";
    this.condition.lose(
      new SealwireError(
        "STORE_UNUSABLE",
        `The store "${path}" is lost: ${what} was deleted or replaced while it was open.\nRestore it, or start with the remaining files; frames are then refused for a while.`,
      ),
    );
  }

  async #close(): Promise<void> {
    const { durable, quick, files, lock, logger } = this.#options;
    await this.#chores[Symbol.asyncDispose]();
    await this.jobs.close();
    quick.commits.close();
    durable.commits.close();
    if (files?.look() === "database gone") {
      // Closing would remove the write-ahead log of the file that replaced the store.
      lock?.[Symbol.dispose]();
      return;
    }
    try {
      leaveStore(durable.db);
    } catch (error) {
      logger.warn({ err: error }, "the store could not record its shutdown; it recovers at the next start");
    }
    if (quick.db !== durable.db) quick.db.close();
    durable.db.close();
    lock?.[Symbol.dispose]();
  }
}

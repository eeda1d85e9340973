import { FairQueue } from "../../jobs/fair-queue.ts";
import { PageTokens } from "../../jobs/page-token.ts";
import { StoredJobEngine } from "../../jobs/stored-job-engine.ts";
import { Notifiers } from "../../jobs/watch/notifiers.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Random } from "../../runtime/random.ts";
import type { WatchedKeyRing } from "../../signing/key-ring/key-ring-watcher.ts";
import { serverSecretFile } from "../../signing/key-ring/server-secret-source.ts";
import { SettableCondition } from "../condition.ts";
import type { InstanceInfo } from "../instance-info.ts";
import { Maintenance } from "../maintenance.ts";
import { StoredOperatorView } from "../operator/stored-operator-view.ts";
import type { StoreConnections, StoreIdentity } from "../store.ts";
import { lockSpace } from "./advisory-locks.ts";
import { PostgresAuditHeads } from "./audit-heads.ts";
import type { ConnectionHook } from "./connection/connector.ts";
import type { Database } from "./database.ts";
import { DatabaseWatch } from "./database-watch.ts";
import type { Instance } from "./instance.ts";
import { PostgresIntentStore } from "./intents.ts";
import { PostgresAttemptStore } from "./jobs/attempt-store.ts";
import { PostgresJobStorage } from "./jobs/job-storage.ts";
import { SharedJobChanges } from "./jobs/shared-job-changes.ts";
import { KeyRingTable } from "./key-ring/key-ring-table.ts";
import { watchSharedKeyRing } from "./key-ring/shared-key-ring.ts";
import type { Notifications } from "./notifications.ts";
import { PostgresOperatorStorage } from "./operator/operator-storage.ts";
import { PostgresReplayGuard } from "./replay/replay-guard.ts";
import type { StorePlace } from "./schema.ts";
import type { SharedRingSecrets, SharedStore } from "./shared-store.ts";

const REPAIR_INTERVAL_MS = 1_000;
const SWEEP_INTERVAL_MS = 30_000;

/** Options of a {@link PostgresStore}. */
export interface PostgresStoreOptions {
  readonly database: Database;
  readonly place: StorePlace;
  /** Id of the store. It does not change when the store is moved. */
  readonly storeId: string;
  readonly instance: Instance;
  readonly notifications: Notifications;
  /** Checks, on a connection, whether the database was replaced. */
  readonly checkOrigin: ConnectionHook;
  /** The encryption key of page tokens. */
  readonly pageKey: Uint8Array;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The {@link SharedStore} in a PostgreSQL schema: jobs, nonces, intents and keys. */
export class PostgresStore implements SharedStore {
  readonly jobs: StoredJobEngine;
  readonly replay: PostgresReplayGuard;
  readonly intents: PostgresIntentStore;
  readonly auditHeads: PostgresAuditHeads;
  readonly operator: StoredOperatorView;
  readonly condition = new SettableCondition();
  readonly identity: StoreIdentity;
  readonly instanceId: string;
  readonly #options: PostgresStoreOptions;
  readonly #storage: PostgresJobStorage;
  readonly #attemptStore: PostgresAttemptStore;
  readonly #watch: DatabaseWatch;
  readonly #keys: KeyRingTable;
  readonly #listening: Disposable;
  readonly #chores: Maintenance;
  #closing: Promise<void> | undefined;

  constructor(options: PostgresStoreOptions) {
    const { database, place, storeId, instance, notifications, checkOrigin, pageKey, clock, random, logger } = options;
    const { schema } = place;
    this.#options = options;
    this.identity = { id: storeId, openings: 0 };
    this.instanceId = instance.id;
    this.#watch = new DatabaseWatch({ database, place, checkOrigin, condition: this.condition, clock, logger });
    const notifiers = new Notifiers(() => this.#storage, clock);
    const fairQueue = new FairQueue();
    const changes = new SharedJobChanges(notifiers, fairQueue, notifications);
    const requestLockSpace = lockSpace(schema, "requests");
    const capLockSpace = lockSpace(schema, "caps");
    this.#storage = new PostgresJobStorage({ database, requestLockSpace, changes, clock, random });
    this.#attemptStore = new PostgresAttemptStore({
      database,
      instance,
      capLockSpace,
      fairQueue,
      changes,
      clock,
    });
    const pageTokens = new PageTokens(pageKey, random);
    this.jobs = new StoredJobEngine({
      storage: this.#storage,
      attemptStore: this.#attemptStore,
      notifiers,
      pageTokens,
      clock,
      logger,
    });
    const nonceLock = lockSpace(schema, "nonces");
    this.replay = new PostgresReplayGuard({
      database,
      nonceLock,
      watch: this.#watch,
      condition: this.condition,
      clock,
      logger,
    });
    this.intents = new PostgresIntentStore({ database, instance, requestLockSpace, clock });
    const operatorStorage = new PostgresOperatorStorage(database);
    this.operator = new StoredOperatorView({ storage: operatorStorage, jobs: this.#storage, pageTokens, clock });
    this.auditHeads = new PostgresAuditHeads(database, clock);
    this.#keys = new KeyRingTable(database, schema);
    this.#listening = notifications.listen(changes);
    this.#chores = new Maintenance(clock, logger)
      .every(REPAIR_INTERVAL_MS, () => this.#watch.look())
      .every(REPAIR_INTERVAL_MS, () => this.repair())
      .every(SWEEP_INTERVAL_MS, () => this.replay.sweep())
      .every(SWEEP_INTERVAL_MS, () => this.jobs.sweep())
      .every(SWEEP_INTERVAL_MS, () => this.intents.sweep());
  }

  watchKeyRing(options: SharedRingSecrets): Promise<WatchedKeyRing> {
    const { notifications, clock, logger } = this.#options;
    const serverSecrets =
      "serverSecrets" in options ? options.serverSecrets : serverSecretFile(options.serverSecretFile);
    return watchSharedKeyRing({ table: this.#keys, notifications, serverSecrets, clock, logger });
  }

  recordKeyUse(lastUse: ReadonlyMap<string, number>): Promise<void> {
    return this.#keys.recordUse(lastUse);
  }

  announce(info: InstanceInfo): Promise<void> {
    return this.#options.instance.announce(info);
  }

  get away(): boolean {
    return this.#options.database.isAway;
  }

  get connections(): StoreConnections {
    return this.#options.database.connections;
  }

  /** Checks whether this process can use the store and sets its condition. */
  look(): Promise<void> {
    return this.#watch.look();
  }

  /** Ends lost attempts and fails jobs whose queue time-out has passed. */
  async repair(): Promise<void> {
    await this.#attemptStore.recoverLost();
    await this.intents.tieUp();
    await this.#storage.expireQueued();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { database, instance, notifications } = this.#options;
    await this.#chores[Symbol.asyncDispose]();
    await this.jobs.close();
    this.#listening[Symbol.dispose]();
    await notifications[Symbol.asyncDispose]();
    await instance[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  }
}

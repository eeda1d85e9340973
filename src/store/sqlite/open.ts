import { realpathSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { PAGE_KEY_BYTES } from "../../jobs/page-token.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { type Logger, silentLogger } from "../../runtime/logger.ts";
import { type Random, systemRandom } from "../../runtime/random.ts";
import { SettableCondition } from "../condition.ts";
import type { Store } from "../store.ts";
import { readBootId } from "./boot-id.ts";
import { CommitGroup } from "./commit-group.ts";
import { createDatabaseFile, MEMORY_PATH, makePrivate, openConnection } from "./connection.ts";
import { damaged, openError } from "./open-error.ts";
import { lockOwner } from "./owner-lock.ts";
import type { WriteConnection } from "./replay/replay-guard.ts";
import { prepareSchema } from "./schema.ts";
import { SqliteStore } from "./sqlite-store.ts";
import { logPath, StoreFiles, sizeOf } from "./store-files.ts";
import { enterStore, type Suspicion } from "./store-state.ts";

/** Maximum number of event loop turns whose operations share one synced commit. */
const SYNCED_TURNS_MAX = 4;

/** Options of {@link openSqliteStore}. */
export interface OpenSqliteStoreOptions {
  /**
   * The database file. It is created with mode 0600 if missing; `-wal`, `-shm` and `.lock` files are beside it.
   * ":memory:" for tests.
   */
  readonly path: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** Id of the current boot. Default: the kernel's boot id. */
  readonly bootId?: string | undefined;
}

/**
 * Opens the embedded store and makes this process its owner until the store is disposed. Jobs that a previous process
 * left running are queued again, or fail with WORKER_LOST if no attempt is left. A store of an older layout is
 * migrated. Throws STORE_IN_USE, STORE_INCOMPATIBLE, STORE_UNUSABLE for a damaged store, OPTIONS_INVALID for an
 * unusable path, and UNAVAILABLE for a full or failing disk.
 *
 * @example
 * ```ts
 * await using store = await openSqliteStore({ path: ".sealwire/store.db" });
 * await using server = await createServer({ keyRing, store, tools });
 * ```
 */
export async function openSqliteStore(options: OpenSqliteStoreOptions): Promise<Store> {
  const { clock = systemClock, random = systemRandom, logger = silentLogger } = options;
  const bootId = "bootId" in options ? options.bootId : readBootId();
  const condition = new SettableCondition();
  const inMemory = options.path === MEMORY_PATH;
  if (!inMemory) createDatabaseFile(options.path);
  const path = inMemory ? MEMORY_PATH : realpathSync(options.path);
  const opened: DatabaseSync[] = [];
  const connect = (synchronous: "FULL" | "NORMAL"): WriteConnection => {
    const db = openConnection(path, synchronous);
    opened.push(db);
    const turnsMax = synchronous === "FULL" && !inMemory ? SYNCED_TURNS_MAX : 1;
    const onDamage = (cause: unknown): void => condition.lose(damaged(path, cause));
    return { db, commits: new CommitGroup({ db, turnsMax, clock, logger, onDamage }) };
  };
  let lock: Disposable | undefined;
  let store: SqliteStore | undefined;
  try {
    if (!inMemory) {
      lock = lockOwner(path);
      makePrivate(path);
    }
    const hadLog = inMemory || sizeOf(logPath(path)) > 0;
    const durable = connect("FULL");
    const made = { pageKey: random.bytes(PAGE_KEY_BYTES), storeId: random.uuid(), nowMs: clock.nowMs() };
    prepareSchema(durable.db, { path, logger, ...made });
    const state = enterStore(durable.db, { bootId, hadLog, nowMs: clock.nowMs() });
    if (state.suspect !== undefined) {
      logger.warn({ until_ms: state.replayBlindUntilMs }, SUSPICIONS[state.suspect]);
    }
    const quick = inMemory ? durable : connect("NORMAL");
    const files = inMemory ? undefined : new StoreFiles(path);
    store = new SqliteStore({ durable, quick, path, lock, files, state, condition, clock, random, logger });
    await store.repair();
    return store;
  } catch (thrown) {
    await store?.[Symbol.asyncDispose]();
    for (const db of opened) if (db.isOpen) db.close();
    lock?.[Symbol.dispose]();
    throw openError(path, thrown);
  }
}

const SUSPICIONS: Readonly<Record<Suspicion, string>> = {
  "lost power": "the store was not closed before the machine stopped; frames signed before are refused",
  copy: "the store is a backup; frames that may have been accepted since it was made are refused",
  "lost log":
    "the store was not closed, and its write-ahead log is gone; frames that may have been accepted are refused",
};

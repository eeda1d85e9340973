import { realpathSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { type Logger, silentLogger } from "../../runtime/logger.ts";
import { type Random, systemRandom } from "../../runtime/random.ts";
import { PAGE_KEY_BYTES } from "../page-token.ts";
import type { Store } from "../store.ts";
import { readBootId } from "./boot-id.ts";
import { CommitGroup } from "./commit-group.ts";
import { createPrivateFile, MEMORY_PATH, openConnection } from "./connection.ts";
import { lockOwner } from "./owner-lock.ts";
import { prepareSchema } from "./schema.ts";
import type { Connection } from "./sqlite-replay-guard.ts";
import { SqliteStore } from "./sqlite-store.ts";
import { storageError } from "./storage-error.ts";
import { enterStore } from "./store-state.ts";

/** Options of {@link openSqliteStore}. */
export interface OpenSqliteStoreOptions {
  /** The database file; it is made with mode 0600 if there is none, `-wal`, `-shm` and `.lock` files stand beside it. ":memory:" for tests. */
  readonly path: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** Names this boot of the machine; default: what the kernel says. */
  readonly bootId?: string | undefined;
}

/**
 * Opens the embedded store and makes this process its owner until the store is disposed. Jobs that another process
 * left running are queued again, or fail with WORKER_LOST if no attempt is left. Throws STORE_IN_USE,
 * STORE_INCOMPATIBLE, OPTIONS_INVALID for a path that cannot be used, UNAVAILABLE for a disk that is full or broken.
 */
export async function openSqliteStore(options: OpenSqliteStoreOptions): Promise<Store> {
  const { clock = systemClock, random = systemRandom, logger = silentLogger } = options;
  const bootId = "bootId" in options ? options.bootId : readBootId();
  const inMemory = options.path === MEMORY_PATH;
  if (!inMemory) createPrivateFile(options.path);
  const path = inMemory ? MEMORY_PATH : realpathSync(options.path);
  const lock = inMemory ? undefined : lockOwner(path);
  const opened: DatabaseSync[] = [];
  const connect = (synchronous: "FULL" | "NORMAL"): Connection => {
    const db = openConnection(path, synchronous);
    opened.push(db);
    return { db, commits: new CommitGroup(db, logger) };
  };
  let store: SqliteStore | undefined;
  try {
    const durable = connect("FULL");
    prepareSchema(durable.db, path, random.bytes(PAGE_KEY_BYTES));
    const state = enterStore(durable.db, bootId);
    if (state.lostPower)
      logger.warn({}, "the store was not closed before the machine stopped; frames signed before are refused");
    const quick = inMemory ? durable : connect("NORMAL");
    store = new SqliteStore({ durable, quick, lock, state, clock, random, logger });
    await store.repair();
    return store;
  } catch (thrown) {
    await store?.[Symbol.asyncDispose]();
    for (const db of opened) if (db.isOpen) db.close();
    lock?.[Symbol.dispose]();
    throw storageError(thrown);
  }
}

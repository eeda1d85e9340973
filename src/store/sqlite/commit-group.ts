import type { DatabaseSync, StatementSync } from "node:sqlite";
import { storeClosed } from "../../jobs/unavailable.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { OutageLog } from "../outage-log.ts";
import { isDamage, isStoreAway, storageError } from "./storage-error.ts";

/** Maximum number of operations in one transaction, so that the event loop is not blocked for long. */
const MAX_GROUP = 256;

/** Options of a {@link CommitGroup}. */
export interface CommitGroupOptions {
  readonly db: DatabaseSync;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with SQLite's error if the database is damaged. */
  readonly onDamage: (thrown: unknown) => void;
}

interface Waiting {
  readonly apply: () => void;
  readonly succeed: () => void;
  readonly fail: (error: unknown) => void;
}

const AWAY = "the store cannot be written; calls fail with UNAVAILABLE";

/**
 * Runs the write operations of one connection. All operations of a tick share one transaction and therefore one fsync.
 * Each has its own savepoint, and its promise settles after COMMIT. If the transaction fails, every operation in it
 * fails and nothing is written.
 */
export class CommitGroup {
  readonly #db: DatabaseSync;
  readonly #logger: Logger;
  readonly #away: OutageLog;
  readonly #onDamage: (thrown: unknown) => void;
  readonly #statements: Readonly<Record<"begin" | "save" | "release" | "undo" | "commit", StatementSync>>;
  readonly #waiting: Waiting[] = [];
  #scheduled = false;
  #closed = false;

  constructor({ db, clock, logger, onDamage }: CommitGroupOptions) {
    this.#db = db;
    this.#away = new OutageLog({ clock, logger, away: AWAY, back: "the store can be written again" });
    this.#logger = logger;
    this.#onDamage = onDamage;
    this.#statements = {
      begin: db.prepare("BEGIN IMMEDIATE"),
      save: db.prepare("SAVEPOINT operation"),
      release: db.prepare("RELEASE operation"),
      undo: db.prepare("ROLLBACK TO operation"),
      commit: db.prepare("COMMIT"),
    };
  }

  /** True from a failed commit until five seconds without one. */
  get isAway(): boolean {
    return this.#away.isAway;
  }

  /**
   * Resolves to the result of `operation` after its commit, or rejects with its error. `committed` runs directly after
   * the commit, before the promise resolves and in the order of the operations. Throws UNAVAILABLE.
   */
  run<T>(operation: () => T, committed?: (value: T) => void): Promise<T> {
    if (this.#closed) return Promise.reject(storeClosed());
    return new Promise<T>((resolve, reject) => {
      let outcome: { readonly value: T } | { readonly error: unknown };
      this.#waiting.push({
        apply: () => {
          outcome = this.#attempt(operation);
        },
        succeed: () => {
          if ("error" in outcome) return reject(outcome.error);
          resolve(outcome.value);
          committed?.(outcome.value);
        },
        fail: reject,
      });
      this.#schedule();
    });
  }

  /** Commits waiting operations, then refuses all others. */
  close(): void {
    while (this.#waiting.length > 0) this.#flush();
    this.#closed = true;
    this.#away[Symbol.dispose]();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#waiting.length > 0) this.#flush();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  #flush(): void {
    const group = this.#waiting.splice(0, MAX_GROUP);
    try {
      this.#statements.begin.run();
      for (const operation of group) operation.apply();
      this.#statements.commit.run();
    } catch (thrown) {
      this.#rollBack();
      if (isStoreAway(thrown)) this.#away.failed(thrown);
      if (isDamage(thrown)) this.#onDamage(thrown);
      const error = storageError(thrown);
      for (const operation of group) operation.fail(error);
      return;
    }
    this.#away.worked();
    for (const operation of group) this.#conclude(operation);
  }

  #conclude(operation: Waiting): void {
    try {
      operation.succeed();
    } catch (error) {
      this.#logger.error({ err: error }, "a listener of a committed change failed");
    }
  }

  /** Runs one operation under a savepoint. Throws only errors that end the whole transaction. */
  #attempt<T>(operation: () => T): { readonly value: T } | { readonly error: unknown } {
    this.#statements.save.run();
    try {
      const value = operation();
      this.#statements.release.run();
      return { value };
    } catch (error) {
      if (isStoreAway(error) || !this.#db.isTransaction) throw error;
      this.#statements.undo.run();
      this.#statements.release.run();
      return { error };
    }
  }

  #rollBack(): void {
    try {
      // After a full disk or an I/O error SQLite may have rolled back automatically.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
    } catch (error) {
      this.#logger.error({ err: error }, "a failed transaction could not be rolled back");
    }
  }
}

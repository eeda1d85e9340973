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
  /**
   * Maximum number of event loop turns during which operations are collected into one transaction. Collection ends
   * early after a turn without a new operation. Default 1. A higher value suits synced commits, which take longer than
   * a turn.
   */
  readonly turnsMax?: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with SQLite's error if the database is damaged. */
  readonly onDamage: (thrown: unknown) => void;
}

interface PendingOperation {
  /** Runs the operation and throws its error. */
  apply(): void;
  /** Settles the operation's promise after the commit. */
  succeed(): void;
  /** Rejects the operation's promise. Nothing was written. */
  fail(error: unknown): void;
}

/** Combines the changes of the operations in a transaction, so that they are written once at its end. */
export interface Summary {
  /** Writes the changes since the last write. */
  write(): void;
  /** Discards the changes since the last write, because their operations were rolled back. */
  discard(): void;
}

const AWAY = "the store cannot be written; calls fail with UNAVAILABLE";

/**
 * Runs the write operations of one connection. The operations of one or a few turns share one transaction and therefore
 * one fsync; their promises settle after COMMIT. If the transaction fails, every operation in it fails and nothing is
 * written.
 *
 * An operation that throws does not fail the others: the transaction is rolled back, and all its operations run again,
 * each under a savepoint. An operation may therefore run twice and must not depend on state in memory that its first
 * run changed.
 */
export class CommitGroup {
  readonly #db: DatabaseSync;
  readonly #turnsMax: number;
  readonly #logger: Logger;
  readonly #away: OutageLog;
  readonly #onDamage: (thrown: unknown) => void;
  readonly #statements: Readonly<Record<"begin" | "save" | "release" | "undo" | "commit", StatementSync>>;
  readonly #waiting: PendingOperation[] = [];
  #summary: Summary | undefined;
  #scheduled = false;
  #closed = false;

  constructor({ db, turnsMax = 1, clock, logger, onDamage }: CommitGroupOptions) {
    this.#db = db;
    this.#turnsMax = turnsMax;
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
      this.#waiting.push(new Operation(operation, committed, resolve, reject));
      this.#schedule();
    });
  }

  /** Writes `summary` as part of each transaction from now on. */
  summarize(summary: Summary): void {
    this.#summary = summary;
  }

  /** Commits the pending operations. Later operations are refused. */
  close(): void {
    while (this.#waiting.length > 0) this.#flush();
    this.#closed = true;
    this.#away[Symbol.dispose]();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#gather(1, 0);
  }

  /** Flushes after the last turn, or after a turn that added no operation to the `before` pending ones. */
  #gather(turn: number, before: number): void {
    setImmediate(() => {
      const { length } = this.#waiting;
      if (turn < this.#turnsMax && length > before && length < MAX_GROUP) {
        this.#gather(turn + 1, length);
        return;
      }
      this.#scheduled = false;
      if (this.#waiting.length > 0) this.#flush();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  #flush(): void {
    const group = this.#waiting.splice(0, MAX_GROUP);
    let refused: ReadonlyMap<PendingOperation, unknown> | undefined;
    try {
      if (!this.#commitTogether(group)) refused = this.#commitOneByOne(group);
    } catch (thrown) {
      this.#rollBack();
      if (isStoreAway(thrown)) this.#away.failed(thrown);
      if (isDamage(thrown)) this.#onDamage(thrown);
      const error = storageError(thrown);
      for (const operation of group) operation.fail(error);
      return;
    }
    this.#away.worked();
    for (const operation of group) this.#conclude(operation, refused);
  }

  /** Returns false, with nothing written, if an operation threw. Throws an error that fails the whole transaction. */
  #commitTogether(group: readonly PendingOperation[]): boolean {
    const { begin, commit } = this.#statements;
    begin.run();
    try {
      for (const operation of group) operation.apply();
      this.#summary?.write();
    } catch (error) {
      if (isStoreAway(error)) throw error;
      this.#rollBack();
      return false;
    }
    commit.run();
    return true;
  }

  /** Returns the errors of the operations that threw. Throws an error that fails the whole transaction. */
  #commitOneByOne(group: readonly PendingOperation[]): ReadonlyMap<PendingOperation, unknown> {
    const { begin, save, undo, release, commit } = this.#statements;
    const refused = new Map<PendingOperation, unknown>();
    begin.run();
    for (const operation of group) {
      save.run();
      try {
        operation.apply();
        this.#summary?.write();
      } catch (error) {
        if (isStoreAway(error) || !this.#db.isTransaction) throw error;
        this.#summary?.discard();
        undo.run();
        refused.set(operation, error);
      }
      release.run();
    }
    commit.run();
    return refused;
  }

  #conclude(operation: PendingOperation, refused: ReadonlyMap<PendingOperation, unknown> | undefined): void {
    try {
      if (refused?.has(operation)) operation.fail(refused.get(operation));
      else operation.succeed();
    } catch (error) {
      this.#logger.error({ err: error }, "a listener of a committed change failed");
    }
  }

  #rollBack(): void {
    this.#summary?.discard();
    try {
      // After a full disk or an I/O error SQLite may have rolled back automatically.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
    } catch (error) {
      this.#logger.error({ err: error }, "a failed transaction could not be rolled back");
    }
  }
}

class Operation<T> implements PendingOperation {
  readonly #operation: () => T;
  readonly #committed: ((value: T) => void) | undefined;
  readonly #resolve: (value: T) => void;
  readonly fail: (error: unknown) => void;
  #value: T | undefined;

  constructor(
    operation: () => T,
    committed: ((value: T) => void) | undefined,
    resolve: (value: T) => void,
    fail: (error: unknown) => void,
  ) {
    this.#operation = operation;
    this.#committed = committed;
    this.#resolve = resolve;
    this.fail = fail;
  }

  apply(): void {
    this.#value = this.#operation();
  }

  succeed(): void {
    const value = this.#value as T;
    this.#resolve(value);
    this.#committed?.(value);
  }
}

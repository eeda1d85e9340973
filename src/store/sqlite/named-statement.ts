import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

/** The values of a statement's parameters, by name. */
export type Parameters = Readonly<Record<string, SQLInputValue>>;

/**
 * A statement with named parameters (`:name`), which are bound by position. node:sqlite would look up every name in
 * each execution; for twenty parameters this takes as long as the statement itself.
 */
export class NamedStatement {
  readonly #statement: StatementSync;
  readonly #names: readonly string[];

  constructor(db: DatabaseSync, sql: string) {
    const names: string[] = [];
    const positional = sql.replaceAll(/:(\w+)/g, (_parameter, name: string) => {
      names.push(name);
      return "?";
    });
    this.#statement = db.prepare(positional);
    this.#names = names;
  }

  /** Runs the statement and returns its first row. */
  get(parameters: Parameters): Record<string, unknown> | undefined {
    return this.#statement.get(...this.#values(parameters));
  }

  /** Runs the statement and returns the rowid of the last inserted row. */
  insert(parameters: Parameters): number {
    return Number(this.#statement.run(...this.#values(parameters)).lastInsertRowid);
  }

  #values(parameters: Parameters): SQLInputValue[] {
    return this.#names.map((name) => parameters[name] as SQLInputValue);
  }
}

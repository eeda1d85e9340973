import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

/** The values of a statement's parameters, by name. */
export type Parameters = Readonly<Record<string, SQLInputValue>>;

/**
 * A statement with named parameters (`:name`). They are bound by position: node:sqlite looks every name up each time, which
 * takes as long as a statement of twenty parameters itself.
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

  /** The first row of what it gives. */
  get(parameters: Parameters): Record<string, unknown> | undefined {
    return this.#statement.get(...this.#values(parameters));
  }

  /** Runs it for what it changes. Gives the rowid of the row that it inserted last. */
  insert(parameters: Parameters): number {
    return Number(this.#statement.run(...this.#values(parameters)).lastInsertRowid);
  }

  #values(parameters: Parameters): SQLInputValue[] {
    return this.#names.map((name) => parameters[name] as SQLInputValue);
  }
}

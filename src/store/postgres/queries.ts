import type { Client } from "pg";
import { isDatabaseAway, isLostRace } from "./database-error.ts";
import type { Statement, Values } from "./statement.ts";

/** Runs statements: the pool, or one transaction. */
export interface Queries {
  /** Runs a statement and returns its rows. Throws UNAVAILABLE while the database is unavailable. */
  all<Row>(statement: Statement, values?: Values): Promise<Row[]>;
}

/** Runs `work` in a transaction on a connection. */
export async function inTransaction<T>(client: Client, work: (queries: Queries) => Promise<T>): Promise<T> {
  await client.query("BEGIN");
  try {
    const value = await work({ all: (statement, values = {}) => runStatement(client, statement, values) });
    await client.query("COMMIT");
    return value;
  } catch (thrown) {
    if (!isDatabaseAway(thrown) || isLostRace(thrown)) await client.query("ROLLBACK");
    throw thrown;
  }
}

/** Runs a statement on a connection and returns its rows. */
export async function runStatement<Row>(
  client: Client,
  { name, text, parameters }: Statement,
  values: Values,
): Promise<Row[]> {
  const { rows } = await client.query({
    ...(name !== undefined && { name }),
    text,
    values: parameters.map((parameter) => values[parameter]),
  });
  return rows as Row[];
}

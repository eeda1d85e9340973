import { Client, type ClientConfig, Pool, type PoolClient, types } from "pg";
import type { Logger } from "../../runtime/logger.ts";
import { storeClosed } from "../store-away.ts";
import { databaseError, isDatabaseAway, isLostRace } from "./database-error.ts";
import type { Statement, Values } from "./statement.ts";

const INT8 = 20;
/** How often a transaction that lost a race is run in all. */
const RACES = 3;

/** Something that statements can be run on: the pool, or one transaction. */
export interface Queries {
  /** Runs a statement; gives its rows. Throws UNAVAILABLE while the database is away. */
  all<Row>(statement: Statement, values?: Values): Promise<Row[]>;
}

/** Where the database is and how it is used. */
export interface DatabaseOptions {
  readonly connection: ClientConfig;
  /** Most connections, beside the one for notifications. */
  readonly connectionsMax: number;
  readonly logger: Logger;
}

/** A pool of connections to one PostgreSQL database. */
export class Database implements Queries, AsyncDisposable {
  readonly #options: DatabaseOptions;
  readonly #pool: Pool;
  #away = false;
  #closed = false;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#pool = new Pool({ ...options.connection, max: options.connectionsMax, types: numbersForInt8 });
    // A connection that fails while no statement runs on it is left aside; the next use tells whether the database is away.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  all<Row>(statement: Statement, values: Values = {}): Promise<Row[]> {
    return this.#lend((client) => run<Row>(client, statement, values));
  }

  /** Runs `work` in a transaction: all of it is committed when this resolves, or none of it. May run `work` again. */
  async transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    for (let race = 1; ; race += 1) {
      try {
        return await this.#lend((client) => inTransaction(client, work));
      } catch (error) {
        if (race === RACES || !isLostRace((error as Error).cause)) throw error;
      }
    }
  }

  /** A connection of its own, not yet connected, for what the pool cannot do; the server shows it by `name`. */
  client(name: string): Client {
    return new Client({ ...this.#options.connection, application_name: name, types: numbersForInt8 });
  }

  /** Ends all connections once they are given back; from then on everything throws UNAVAILABLE. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#pool.end();
  }

  /** A connection that failed is not used again. */
  async #lend<T>(use: (client: PoolClient) => Promise<T>): Promise<T> {
    if (this.#closed) throw storeClosed();
    let client: PoolClient | undefined;
    try {
      client = await this.#pool.connect();
      const value = await use(client);
      client.release();
      this.#noteAway(false);
      return value;
    } catch (thrown) {
      const away = isDatabaseAway(thrown);
      client?.release(away);
      if (away && !isLostRace(thrown)) this.#noteAway(true, thrown);
      throw databaseError(thrown);
    }
  }

  #noteAway(away: boolean, thrown?: unknown): void {
    if (away === this.#away) return;
    this.#away = away;
    if (away) this.#options.logger.error({ err: thrown }, "the database cannot be used");
    else this.#options.logger.info({}, "the database can be used again");
  }
}

async function inTransaction<T>(client: PoolClient, work: (queries: Queries) => Promise<T>): Promise<T> {
  await client.query("BEGIN");
  try {
    const value = await work({ all: (statement, values = {}) => run(client, statement, values) });
    await client.query("COMMIT");
    return value;
  } catch (thrown) {
    if (!isDatabaseAway(thrown) || isLostRace(thrown)) await client.query("ROLLBACK");
    throw thrown;
  }
}

async function run<Row>(client: PoolClient, { name, text, parameters }: Statement, values: Values): Promise<Row[]> {
  const { rows } = await client.query({
    ...(name !== undefined && { name }),
    text,
    values: parameters.map((parameter) => values[parameter]),
  });
  return rows as Row[];
}

/** Every bigint of the schema is a safe integer: times in milliseconds, counts, positions. */
const numbersForInt8 = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === INT8 && format !== "binary"
      ? Number
      : types.getTypeParser(oid, format as "text")) as typeof types.getTypeParser,
};

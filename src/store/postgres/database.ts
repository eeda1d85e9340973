import type { Client } from "pg";
import { storeClosed, storeDenies, storeUnavailable } from "../../jobs/unavailable.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { OutageLog } from "../outage-log.ts";
import type { StoreConnections } from "../store.ts";
import type { ConnectionTarget } from "./connection/connection.ts";
import { ConnectionPool } from "./connection/connection-pool.ts";
import { type ConnectionHook, Connector } from "./connection/connector.ts";
import { isDatabaseAway, isDenied, isLostRace, isReadOnly, isSilence } from "./database-error.ts";
import { DeniedLog } from "./denied-log.ts";
import { inTransaction, type Queries, runStatement } from "./queries.ts";
import type { Statement, Values } from "./statement.ts";

/** Application name of the pool's connections. */
const NAME = "sealwire";
/** Maximum number of runs of a transaction that conflicts with others. */
const RACES = 3;

/** Options of a {@link Database}. */
export interface DatabaseOptions {
  readonly target: ConnectionTarget;
  /** Maximum number of connections, besides the one for notifications. */
  readonly connectionsMax: number;
  readonly logger: Logger;
}

/** The connections to one PostgreSQL database. Network time-outs use the system clock, not the store's clock. */
export class Database implements Queries, AsyncDisposable {
  readonly #connector: Connector;
  readonly #pool: ConnectionPool;
  readonly #away: OutageLog;
  readonly #denied: DeniedLog;
  #closed = false;

  constructor({ target, connectionsMax, logger }: DatabaseOptions) {
    this.#connector = new Connector(target);
    this.#pool = new ConnectionPool({ most: connectionsMax, connect: () => this.open(NAME), clock: systemClock });
    const away = "the database cannot be used";
    this.#away = new OutageLog({ clock: systemClock, logger, away, back: "the database can be used again" });
    this.#denied = new DeniedLog(systemClock, logger);
  }

  /** True if a pooler was detected. */
  get isPooled(): boolean {
    return this.#connector.pooled;
  }

  /** True from a failure until five seconds without one. */
  get isAway(): boolean {
    return this.#away.isAway;
  }

  /** Number of connections of the pool by state. */
  get connections(): StoreConnections {
    return this.#pool.figures;
  }

  all<Row>(statement: Statement, values: Values = {}): Promise<Row[]> {
    return this.#lend((client) => runStatement<Row>(client, statement, values));
  }

  /** Runs `work` in a transaction, which is committed when the promise resolves. `work` may run several times. */
  async transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    for (let race = 1; ; race += 1) {
      try {
        return await this.#lend((client) => inTransaction(client, work));
      } catch (error) {
        if (race === RACES || !isLostRace((error as Error).cause)) throw error;
      }
    }
  }

  /** Opens a connection outside of the pool with the application name `name`. Throws the server's error. */
  open(name: string): Promise<Client> {
    return this.#connector.connect(name);
  }

  /** Runs `entry` on one connection. */
  inspect(entry: ConnectionHook): Promise<void> {
    return this.#lend(entry);
  }

  /** Sets the function that runs on each connection before it is used. Existing connections are no longer used. */
  enterBy(entry: ConnectionHook): void {
    this.#connector.entry = entry;
    this.#pool.endIdle();
  }

  /** Closes all connections when they are given back. Afterwards every method throws UNAVAILABLE. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#away[Symbol.dispose]();
    await this.#pool[Symbol.asyncDispose]();
  }

  /** A failed connection is closed. If the server is silent or no longer accepts writes, idle connections are closed, too. */
  async #lend<T>(use: (client: Client) => Promise<T>): Promise<T> {
    if (this.#closed) throw storeClosed();
    let client: Client | undefined;
    try {
      client = await this.#pool.take();
      const value = await use(client);
      this.#pool.give(client, false);
      this.#away.worked();
      return value;
    } catch (thrown) {
      // In a running server every failure to connect counts as temporary. The start checks the cause.
      const away = client === undefined || isDatabaseAway(thrown);
      // A conflicting transaction has been rolled back, so its connection remains usable.
      const isLost = isLostRace(thrown);
      if (client !== undefined) this.#pool.give(client, away && !isLost);
      // Otherwise each of them would wait for its own time limit.
      if (client !== undefined && (isReadOnly(thrown) || isSilence(thrown))) this.#pool.endIdle();
      if (away && !isLost) this.#away.failed(thrown);
      if (!away && isDenied(thrown)) {
        // The database works: other statements of this user succeed.
        this.#denied.denied(thrown as Error);
        throw storeDenies(thrown);
      }
      throw away ? storeUnavailable(thrown) : thrown;
    }
  }
}

import type { Client } from "pg";
import { storeClosed, storeUnavailable } from "../../jobs/unavailable.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { OutageLog } from "../outage-log.ts";
import type { StoreConnections } from "../store.ts";
import type { ConnectionTarget } from "./connection/connection.ts";
import { ConnectionPool } from "./connection/connection-pool.ts";
import { Connector, type Entry } from "./connection/connector.ts";
import { isDatabaseAway, isLostRace, isReadOnly } from "./database-error.ts";
import { inTransaction, type Queries, run } from "./queries.ts";
import type { Statement, Values } from "./statement.ts";

/** By this the server shows the connections of the pool. */
const NAME = "sealwire";
/** How often a transaction that lost a race is run in all. */
const RACES = 3;

/** Where the database is and how it is used. */
export interface DatabaseOptions {
  readonly target: ConnectionTarget;
  /** Most connections, beside the one for notifications. */
  readonly connectionsMax: number;
  readonly logger: Logger;
}

/** The connections to one PostgreSQL database. The network goes by the clock of the machine, whatever that of a store is. */
export class Database implements Queries, AsyncDisposable {
  readonly #connector: Connector;
  readonly #pool: ConnectionPool;
  readonly #away: OutageLog;
  #closed = false;

  constructor({ target, connectionsMax, logger }: DatabaseOptions) {
    this.#connector = new Connector(target);
    this.#pool = new ConnectionPool({ most: connectionsMax, connect: () => this.open(NAME), clock: systemClock });
    const away = "the database cannot be used";
    this.#away = new OutageLog({ clock: systemClock, logger, away, back: "the database can be used again" });
  }

  /** True once a pooler was seen between here and the server. */
  get isPooled(): boolean {
    return this.#connector.pooled;
  }

  /** True from a failure until nothing has failed for five seconds. */
  get isAway(): boolean {
    return this.#away.isAway;
  }

  /** The connections of the pool. */
  get connections(): StoreConnections {
    return this.#pool.figures;
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

  /** A connection of its own, for what the pool cannot do; the server shows it by `name`. Throws what the server says. */
  open(name: string): Promise<Client> {
    return this.#connector.connect(name);
  }

  /** Does on one connection what is done on each new one. */
  inspect(entry: Entry): Promise<void> {
    return this.#lend(entry);
  }

  /** From now on `entry` is done on each connection before anything else; those of before are used no more. */
  enterBy(entry: Entry): void {
    this.#connector.entry = entry;
    this.#pool.endIdle();
  }

  /** Ends all connections once they are given back; from then on everything throws UNAVAILABLE. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#away[Symbol.dispose]();
    await this.#pool[Symbol.asyncDispose]();
  }

  /** A connection that failed is not used again, nor are the idle ones of a server that takes no writes any more. */
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
      // Whatever keeps connections from being made may pass, once a server runs; a start looks at the cause.
      const away = client === undefined || isDatabaseAway(thrown);
      // A race that was lost has been rolled back, and the connection is as good as before.
      const isLost = isLostRace(thrown);
      if (client !== undefined) this.#pool.give(client, away && !isLost);
      if (isReadOnly(thrown)) this.#pool.endIdle();
      if (away && !isLost) this.#away.failed(thrown);
      throw away ? storeUnavailable(thrown) : thrown;
    }
  }
}

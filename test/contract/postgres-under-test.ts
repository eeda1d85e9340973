import type { Client } from "pg";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import type { Store } from "../../src/store/store.ts";
import { settled } from "../support/eventually.ts";
import type { FakeClock } from "../support/fake-clock.ts";
import { SERVER } from "../support/postgres-roles.ts";
import type { PostgresServer } from "../support/postgres-server.ts";
import { TcpLink } from "../support/tcp-link.ts";
import type { EngineUnderTest, StoreUnderTest } from "./store-under-test.ts";

/** Number of consecutive checks in which the database must be idle. */
const IDLE_LOOKS = 8;
const BUSY = "SELECT FROM pg_stat_activity WHERE application_name = 'sealwire' AND state <> 'idle' LIMIT 1";

/** The engine on PostgreSQL. `server` returns the running server. */
export function postgresUnderTest(server: () => PostgresServer): EngineUnderTest {
  let current: PostgresUnderTest | undefined;
  return {
    name: "postgres",
    async open(clock) {
      current = await PostgresUnderTest.open(server(), clock);
      return current;
    },
    settled: async () => current?.settled(),
  };
}

/**
 * A store in its own schema. It is opened by a user who has only the documented privileges, through its own proxy link.
 */
export class PostgresUnderTest implements StoreUnderTest {
  readonly #server: PostgresServer;
  readonly #clock: FakeClock;
  readonly schema: string;
  #observer: Client;
  #link: TcpLink | undefined;
  #store: Store | undefined;

  static async open(server: PostgresServer, clock: FakeClock): Promise<PostgresUnderTest> {
    const schema = await server.newSchemaOfRoles();
    // The database's clock follows the test's clock.
    clock.moved = await server.setClock(schema);
    clock.moved(clock.nowMs());
    const under = new PostgresUnderTest({ server, clock, schema, observer: await server.connect(schema) });
    await under.#open();
    return under;
  }

  private constructor(made: { server: PostgresServer; clock: FakeClock; schema: string; observer: Client }) {
    this.#server = made.server;
    this.#clock = made.clock;
    this.schema = made.schema;
    this.#observer = made.observer;
  }

  get store(): Store {
    if (this.#store === undefined) throw new Error("the store is not open");
    return this.#store;
  }

  async restart(): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    this.#link?.cut();
    await this.#open();
  }

  async crash(): Promise<void> {
    const old = this.store;
    this.#link?.cut();
    // Ends the lease of the dead process immediately, so that the test need not wait.
    await this.#observer.query("DELETE FROM instance");
    await this.#open();
    await old[Symbol.asyncDispose]();
  }

  async refuseResults(): Promise<void> {
    await this.#observer.query("ALTER TABLE job_result ADD CONSTRAINT refused CHECK (false)");
  }

  async losePower(): Promise<void> {
    this.#server.crash();
    this.#server.startAgain();
    this.#observer = await this.#server.connect(this.schema);
    await this.crash();
  }

  async settled(): Promise<void> {
    for (let looks = 0; looks < IDLE_LOOKS; looks += 1) {
      await settled();
      const { rowCount } = await this.#observer.query(BUSY);
      if (rowCount !== 0) looks = 0;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store?.[Symbol.asyncDispose]();
    this.#link?.cut();
    await this.#observer.end();
  }

  async #open(): Promise<void> {
    this.#store = undefined;
    this.#link = await TcpLink.to(this.#server.port);
    this.#store = await openPostgresStore({
      url: this.#server.urlFor(SERVER, this.schema, this.#link.port),
      clock: this.#clock,
      connectionsMax: 5,
    });
  }
}

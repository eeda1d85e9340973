import { Client } from "pg";
import { findPostgres, PrivatePostgres, type PrivatePostgresOptions } from "../../examples/cluster/private-postgres.ts";
import { migratePostgresStore } from "../../src/jobs/postgres/open.ts";
import type { Suite } from "./suite.ts";

/**
 * True if PostgreSQL is installed; otherwise leaves the whole suite out, with the reason. Where everything must run (CI)
 * it is a failure instead.
 */
export function hasPostgres(test: Suite): boolean {
  if (findPostgres() !== undefined) return true;
  if (process.env.CI) throw new Error("PostgreSQL is not installed, and CI skips nothing");
  test.skip("everything on PostgreSQL", "PostgreSQL is not installed: there is no initdb");
  return false;
}

/** A PostgreSQL server of a test's own. */
export class PostgresServer implements AsyncDisposable {
  readonly #server: PrivatePostgres;
  #schemas = 0;

  private constructor(server: PrivatePostgres) {
    this.#server = server;
  }

  static async start(options?: PrivatePostgresOptions): Promise<PostgresServer> {
    return new PostgresServer(await PrivatePostgres.start(options));
  }

  get port(): number {
    return this.#server.port;
  }

  /** The URL of the database for a store in `schema`, by way of another port if one is given. */
  url(schema?: string, port?: number): string {
    return this.#server.url(schema, port);
  }

  /** Makes the tables of a store in a schema of its own; gives the schema's name. */
  async newSchema(): Promise<string> {
    this.#schemas += 1;
    const schema = `store_${this.#schemas}`;
    await migratePostgresStore({ url: this.url(schema) });
    return schema;
  }

  /** A connection for the test itself. Dispose it. */
  async connect(schema: string): Promise<Client & AsyncDisposable> {
    const connectionString = this.url().replace(/\?.*/, "");
    const client = new Client({ connectionString, options: `-c search_path=${schema}` });
    client.on("error", () => {});
    await client.connect();
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.end().catch(() => {}) });
  }

  /** The folder of its unix socket, through which everybody is trusted. */
  get socketFolder(): string {
    return this.#server.socketFolder;
  }

  /** A standby that follows this server. Dispose it. */
  async startStandby(): Promise<PostgresServer> {
    return new PostgresServer(await this.#server.startStandby());
  }

  /** Makes a standby the primary. */
  promote(): void {
    this.#server.promote();
  }

  /** Adds lines of postgresql.conf and has them read; some hold from the next start on. */
  configure(lines: string): void {
    this.#server.configure(lines);
    this.#server.reload();
  }

  /** Ends the server as a crash would: connections break, nothing is written any more. */
  crash(): void {
    this.#server.crash();
  }

  /** Starts it again; it recovers what was committed. */
  startAgain(): void {
    this.#server.startAgain();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

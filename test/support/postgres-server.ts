import { execFileSync } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { findPostgres, PrivatePostgres, type PrivatePostgresOptions } from "../../examples/cluster/private-postgres.ts";
import { migratePostgresStore } from "../../src/store/postgres/open.ts";
import { OWNER, rolesOfPage } from "./postgres-roles.ts";
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

const TEMPLATES = join(import.meta.dirname, "../../node_modules/.cache/postgres");

interface PostgresServerOptions extends Omit<PrivatePostgresOptions, "templates"> {
  /** Its cluster has a system identifier of its own. */
  readonly isOther?: boolean;
}

/** A PostgreSQL server of a test's own. */
export class PostgresServer implements AsyncDisposable {
  readonly #server: PrivatePostgres;
  #schemas = 0;
  #hasRoles = false;

  private constructor(server: PrivatePostgres) {
    this.#server = server;
  }

  /** Starts a server that is to PostgreSQL a copy of the other servers of tests, or one of its own if `isOther`. */
  static async start({ isOther = false, ...options }: PostgresServerOptions = {}): Promise<PostgresServer> {
    return new PostgresServer(await PrivatePostgres.start({ ...options, ...(!isOther && { templates: TEMPLATES }) }));
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

  /** The same with the roles that docs/operations.md has one make: its owner makes the tables, another may serve. */
  async newSchemaOfRoles(): Promise<string> {
    this.#schemas += 1;
    const schema = `store_${this.#schemas}`;
    const statements = rolesOfPage(schema);
    await using client = await this.connect(schema);
    if (!this.#hasRoles) await client.query(statements.roles);
    this.#hasRoles = true;
    await client.query(statements.schema);
    await migratePostgresStore({ url: this.urlFor(OWNER, schema) });
    await client.query(`SET ROLE ${OWNER}; ${statements.grants}`);
    return schema;
  }

  /** As {@link url}, for another user. */
  urlFor(user: string, schema?: string, port?: number): string {
    return this.url(schema, port).replace("//sealwire@", `//${user}@`);
  }

  /** Gives the store in a schema another clock: it shows what is set last. Gives what sets it, Unix milliseconds. */
  async setClock(schema: string): Promise<(nowMs: number) => void> {
    const file = join(this.socketFolder, `${schema}.clock`);
    const set = (nowMs: number) => {
      writeFileSync(`${file}.new`, String(nowMs));
      renameSync(`${file}.new`, file);
    };
    set(Date.now());
    await using client = await this.connect(schema);
    await client.query(`CREATE OR REPLACE FUNCTION store_now_ms() RETURNS bigint LANGUAGE sql VOLATILE SECURITY DEFINER
      AS $$ SELECT pg_read_file('${file}')::bigint $$; ALTER FUNCTION store_now_ms OWNER TO sealwire`);
    return set;
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

  /** Runs a program of PostgreSQL against this server. */
  run(program: string, args: readonly string[], stdin = ""): { readonly stdout: string } {
    return this.#run("127.0.0.1", program, args, stdin);
  }

  /** The same by its unix socket, where nobody is asked for a password. */
  runOverSocket(program: string, args: readonly string[]): { readonly stdout: string } {
    return this.#run(this.socketFolder, program, args);
  }

  #run(host: string, program: string, args: readonly string[], stdin = ""): { readonly stdout: string } {
    const place = ["-h", host, "-p", String(this.port), "-U", "sealwire"];
    return { stdout: execFileSync(program, [...place, ...args], { input: stdin, encoding: "utf8", stdio: "pipe" }) };
  }

  /** A standby, named so, that follows this server, by way of `throughPort`; it listens at `port`. Dispose it. */
  async startStandby(throughPort?: number, port?: number): Promise<PostgresServer> {
    return new PostgresServer(await this.#server.startStandby(throughPort, port));
  }

  /** Makes a base backup, which is not started, and would listen at the same port. Dispose it. */
  async backUp(): Promise<PostgresServer> {
    return new PostgresServer(await this.#server.backUp());
  }

  /** Has a base backup recovered as from an archive when it is started. */
  recoverAtStart(): void {
    this.#server.recoverAtStart();
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

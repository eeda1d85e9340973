import { execFileSync } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { findPostgres, PrivatePostgres, type PrivatePostgresOptions } from "../../examples/cluster/private-postgres.ts";
import { migratePostgresStore } from "../../src/store/postgres/open.ts";
import { OWNER, rolesOfPage } from "./postgres-roles.ts";
import type { Suite } from "./suite.ts";

/** True if PostgreSQL is installed. Otherwise skips the suite with the reason, or fails in CI. */
export function hasPostgres(test: Suite): boolean {
  if (findPostgres() !== undefined) return true;
  if (process.env.CI) throw new Error("PostgreSQL is not installed, and CI skips nothing");
  test.skip("everything on PostgreSQL", "PostgreSQL is not installed: there is no initdb");
  return false;
}

const TEMPLATES = join(import.meta.dirname, "../../node_modules/.cache/postgres");

interface PostgresServerOptions extends Omit<PrivatePostgresOptions, "templates"> {
  /** Gives the cluster a system identifier that differs from the other test servers'. */
  readonly isOther?: boolean;
}

/** A PostgreSQL server for one test. */
export class PostgresServer implements AsyncDisposable {
  readonly #server: PrivatePostgres;
  #schemas = 0;
  #hasRoles = false;

  private constructor(server: PrivatePostgres) {
    this.#server = server;
  }

  /** Starts a server. Unless `isOther` is set, it has the same system identifier as the other test servers. */
  static async start({ isOther = false, ...options }: PostgresServerOptions = {}): Promise<PostgresServer> {
    return new PostgresServer(await PrivatePostgres.start({ ...options, ...(!isOther && { templates: TEMPLATES }) }));
  }

  get port(): number {
    return this.#server.port;
  }

  /** The URL of the database for a store in `schema`; `port` replaces the server's port. */
  url(schema?: string, port?: number): string {
    return this.#server.url(schema, port);
  }

  /** Creates the tables of a store in a new schema. Returns the schema's name. */
  async newSchema(): Promise<string> {
    this.#schemas += 1;
    const schema = `store_${this.#schemas}`;
    await migratePostgresStore({ url: this.url(schema) });
    return schema;
  }

  /** As {@link newSchema}, with the roles of docs/operations.md: one role owns the tables, another one serves. */
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

  /** Replaces the clock of the store in a schema. Returns a function that sets it, in Unix milliseconds. */
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

  /** Opens a connection for the test. Dispose it. */
  async connect(schema: string): Promise<Client & AsyncDisposable> {
    const connectionString = this.url().replace(/\?.*/, "");
    const client = new Client({ connectionString, options: `-c search_path=${schema}` });
    client.on("error", () => {});
    await client.connect();
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.end().catch(() => {}) });
  }

  /** The folder of its unix socket, which requires no password. */
  get socketFolder(): string {
    return this.#server.socketFolder;
  }

  /** Runs a program of PostgreSQL against this server. */
  run(program: string, args: readonly string[], stdin = ""): { readonly stdout: string } {
    return this.#run("127.0.0.1", program, args, stdin);
  }

  /** As {@link run}, through the unix socket, which requires no password. */
  runOverSocket(program: string, args: readonly string[]): { readonly stdout: string } {
    return this.#run(this.socketFolder, program, args);
  }

  #run(host: string, program: string, args: readonly string[], stdin = ""): { readonly stdout: string } {
    const place = ["-h", host, "-p", String(this.port), "-U", "sealwire"];
    return { stdout: execFileSync(program, [...place, ...args], { input: stdin, encoding: "utf8", stdio: "pipe" }) };
  }

  /** Starts a standby of this server that replicates through `throughPort` and listens on `port`. Dispose it. */
  async startStandby(throughPort?: number, port?: number): Promise<PostgresServer> {
    return new PostgresServer(await this.#server.startStandby(throughPort, port));
  }

  /** Makes a base backup as a server on the same port. It is not started. Dispose it. */
  async backUp(): Promise<PostgresServer> {
    return new PostgresServer(await this.#server.backUp());
  }

  /** Makes a base backup recover as from an archive when it is started. */
  recoverAtStart(): void {
    this.#server.recoverAtStart();
  }

  /** Promotes a standby to the primary. */
  promote(): void {
    this.#server.promote();
  }

  /** Appends lines to postgresql.conf and reloads it. Some take effect at the next start. */
  configure(lines: string): void {
    this.#server.configure(lines);
    this.#server.reload();
  }

  /**
   * Makes every commit wait for a standby that does not exist. Resolves when commits wait, some time after the reload.
   * `configure("synchronous_standby_names = ''")` ends it.
   */
  async holdCommits(): Promise<void> {
    this.configure("synchronous_standby_names = 'nobody'");
    await using writer = await this.connect("public");
    await using watcher = await this.connect("public");
    const [{ pid }] = (await writer.query("SELECT pg_backend_pid() AS pid")).rows;
    const isHeld = async () =>
      (await watcher.query("SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'SyncRep'", [pid]))
        .rowCount === 1;
    for (let held = false; !held; ) {
      let written = false;
      const writing = writer.query("COMMENT ON SCHEMA public IS 'written'").then(() => {
        written = true;
      });
      while (!written && !held) held = await isHeld();
      // It is committed, and no longer waits.
      if (held) await watcher.query("SELECT pg_cancel_backend($1)", [pid]);
      await writing;
    }
  }

  /** Ends the server like a crash: connections break, and nothing more is written. */
  crash(): void {
    this.#server.crash();
  }

  /** Restarts the server, which recovers all commits. */
  startAgain(): void {
    this.#server.startAgain();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

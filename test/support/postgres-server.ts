import { spawnSync } from "node:child_process";
import { chownSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { migratePostgresStore } from "../../src/jobs/postgres/open.ts";
import type { Suite } from "./suite.ts";

/** PostgreSQL refuses to run as root; this is `nobody`, who owns nothing else. */
const NOBODY = 65534;
const USER = "sealwire";

const SETTINGS = `
listen_addresses = '127.0.0.1'
max_connections = 200
shared_buffers = 64MB
autovacuum_naptime = 5s
`;

/** A process that is killed loses nothing that the kernel has; no test cuts the power of the machine. */
const NOT_SYNCED = "fsync = off\n";

/** Where initdb and pg_ctl are, if PostgreSQL is installed. */
export function findPostgres(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(":"), ...globSync("/usr/lib/postgresql/*/bin").sort().reverse()];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

/**
 * True if PostgreSQL is installed; otherwise leaves the whole suite out, with the reason. Where everything must run (CI)
 * it is a failure instead.
 */
export function hasPostgres(test: Suite): boolean {
  if (findPostgres() !== undefined) return true;
  if (process.env.CI) throw new Error("PostgreSQL is not installed, and CI skips nothing");
  test.skip("everything on PostgreSQL", "PostgreSQL is not installed: initdb is not on the PATH");
  return false;
}

/** A PostgreSQL server of its own, in a temporary folder, on a free port of loopback. */
export class PostgresServer implements AsyncDisposable {
  readonly #bin: string;
  readonly #folder: string;
  readonly port: number;
  #schemas = 0;

  private constructor(bin: string, folder: string, port: number) {
    this.#bin = bin;
    this.#folder = folder;
    this.port = port;
  }

  /** Makes a cluster and starts it. `synced`: what it has committed survives a loss of power, which takes time. */
  static async start({ synced = false }: { readonly synced?: boolean } = {}): Promise<PostgresServer> {
    const bin = findPostgres();
    if (bin === undefined) throw new Error("PostgreSQL is not installed");
    const folder = mkdtempSync(join(tmpdir(), "sealwire-postgres-"));
    const server = new PostgresServer(bin, folder, await freePort());
    if (process.getuid?.() === 0) chownSync(folder, NOBODY, NOBODY);
    server.#run("initdb", [
      "-D",
      server.#data,
      "-U",
      USER,
      "--auth=trust",
      "--no-sync",
      "--encoding=UTF8",
      "--no-locale",
    ]);
    const place = `port = ${server.port}\nunix_socket_directories = '${folder}'\n`;
    writeFileSync(join(server.#data, "postgresql.auto.conf"), SETTINGS + (synced ? "" : NOT_SYNCED) + place);
    server.startAgain();
    return server;
  }

  /** The URL of the database, by way of another port if one is given. */
  url(schema = "sealwire", port = this.port): string {
    return `postgres://${USER}@127.0.0.1:${port}/postgres?schema=${schema}`;
  }

  /** Makes the tables of a store in a schema of its own; gives the schema's name. */
  async newSchema(): Promise<string> {
    this.#schemas += 1;
    const schema = `store_${this.#schemas}`;
    await migratePostgresStore({ url: this.url(schema) });
    return schema;
  }

  /** A connection for the test itself. Dispose it. */
  async connect(schema = "sealwire"): Promise<Client & AsyncDisposable> {
    const client = new Client({
      host: "127.0.0.1",
      port: this.port,
      user: USER,
      database: "postgres",
      options: `-c search_path=${schema}`,
    });
    client.on("error", () => {});
    await client.connect();
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.end().catch(() => {}) });
  }

  /** Ends the server as a crash would: connections break, nothing is written any more. */
  crash(): void {
    this.#run("pg_ctl", ["stop", "-D", this.#data, "-m", "immediate", "-w"]);
  }

  /** Starts it again; it recovers what was committed. */
  startAgain(): void {
    this.#run("pg_ctl", ["start", "-D", this.#data, "-w", "-t", "60", "-l", join(this.#folder, "log")]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.crash();
    } finally {
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  get #data(): string {
    return join(this.#folder, "data");
  }

  #run(program: string, args: readonly string[]): void {
    const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    const { status, stderr, error } = spawnSync(join(this.#bin, program), args, {
      ...identity,
      cwd: this.#folder,
      stdio: ["ignore", "ignore", "pipe"],
      encoding: "utf8",
    });
    if (status === 0) return;
    const log = join(this.#folder, "log");
    const said = existsSync(log) ? readFileSync(log, "utf8").slice(-1_000) : "";
    throw new Error(`${program} ended with ${status}: ${error ?? stderr}${said}`);
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port was free");
  return address.port;
}

import { type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chownSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

/** User id of `nobody`. PostgreSQL refuses to run as root. */
const NOBODY = 65534;
const USER = "sealwire";

/** Settings of a temporary server. */
const SETTINGS = `
listen_addresses = '127.0.0.1'
max_connections = 200
shared_buffers = 64MB
autovacuum_naptime = 5s
`;
/** Without fsync, commits survive a killed process, but not a power loss. */
const NOT_SYNCED = "fsync = off\n";

/** Options of a {@link PrivatePostgres}. */
export interface PrivatePostgresOptions {
  /** Syncs commits, which then survive a power loss. Default false. */
  readonly synced?: boolean;
  /** Encoding of its databases. Default UTF8. */
  readonly encoding?: string;
  /** Authentication method for loopback in pg_hba.conf. Default trust. */
  readonly auth?: string;
  /**
   * A folder that caches the results of initdb. Servers of the same version, encoding and auth are copies of one
   * result, so that they start faster. They have the same system identifier. Default: no cache.
   */
  readonly templates?: string;
}

/** The folder that contains initdb and pg_ctl; `undefined` if PostgreSQL is not installed. */
export function findPostgres(): string | undefined {
  const folders = [
    ...(process.env.PATH ?? "").split(delimiter),
    ...globSync("/usr/lib/postgresql/*/bin").sort().reverse(),
  ];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

/** A PostgreSQL server in a temporary folder, on a free loopback port. Disposing it removes the folder. */
export class PrivatePostgres implements AsyncDisposable {
  readonly port: number;
  /** The folder of its unix socket, which requires no password. */
  get socketFolder(): string {
    return this.#folder;
  }
  readonly #bin: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "sealwire-postgres-"));

  private constructor(bin: string, port: number) {
    this.#bin = bin;
    this.port = port;
  }

  /** Creates a database cluster and starts it. */
  static async start(options: PrivatePostgresOptions = {}): Promise<PrivatePostgres> {
    const bin = findPostgres();
    if (bin === undefined) throw new Error("PostgreSQL is not installed: there is no initdb");
    const server = new PrivatePostgres(dirname(realpathSync(join(bin, "initdb"))), await freePort());
    server.#make(options);
    server.startAgain();
    return server;
  }

  /**
   * Creates and starts a standby of this server with streaming replication through `throughPort`. It listens on `port`.
   */
  async startStandby(throughPort = this.port, port?: number): Promise<PrivatePostgres> {
    const standby = await this.#copy(port ?? (await freePort()), ["-R"]);
    standby.configure(`primary_conninfo = 'host=127.0.0.1 port=${throughPort} user=${USER} application_name=standby'`);
    standby.startAgain();
    return standby;
  }

  /** Makes a base backup as a server on the same port. It is not started. */
  backUp(): Promise<PrivatePostgres> {
    return this.#copy(this.port, []);
  }

  /** Makes a base backup recover as from an archive when it is started, to the end of its write-ahead log. */
  recoverAtStart(): void {
    this.configure("restore_command = 'false'");
    writeFileSync(join(this.#data, "recovery.signal"), "");
  }

  /** Promotes a standby. It accepts writes when this returns. */
  promote(): void {
    this.#run("pg_ctl", ["promote", "-D", this.#data, "-w", "-t", "60"]);
  }

  /** Appends lines to postgresql.conf. They take effect at the next start or {@link reload}. */
  configure(lines: string): void {
    appendFileSync(join(this.#data, "postgresql.auto.conf"), `${lines}\n`);
  }

  /** Reloads the server's configuration. */
  reload(): void {
    this.#run("pg_ctl", ["reload", "-D", this.#data]);
  }

  /** The URL of the database for a store in `schema`; `port` replaces the server's port. */
  url(schema = "sealwire", port = this.port): string {
    return `postgres://${USER}@127.0.0.1:${port}/postgres?schema=${schema}`;
  }

  /** Ends the server like a crash: connections break, and nothing more is written. */
  crash(): void {
    this.#run("pg_ctl", ["stop", "-D", this.#data, "-m", "immediate", "-w"]);
  }

  /** Restarts the server, which recovers all commits. */
  startAgain(): void {
    this.#run("pg_ctl", ["start", "-D", this.#data, "-w", "-t", "60", "-l", this.#log]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (existsSync(join(this.#data, "postmaster.pid"))) this.crash();
    } finally {
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  get #data(): string {
    return join(this.#folder, "data");
  }

  get #log(): string {
    return join(this.#folder, "log");
  }

  get #place(): string {
    return `port = ${this.port}\nunix_socket_directories = '${this.#folder}'\n`;
  }

  async #copy(port: number, options: readonly string[]): Promise<PrivatePostgres> {
    const copy = new PrivatePostgres(this.#bin, port);
    copy.#giveFolderAway();
    const from = ["-h", "127.0.0.1", "-p", String(this.port), "-U", USER];
    const to = ["-D", copy.#data, ...options, "-X", "stream", "-c", "fast", "--no-sync"];
    await copy.#runBeside("pg_basebackup", [...from, ...to]);
    copy.configure(copy.#place);
    return copy;
  }

  #giveFolderAway(): void {
    if (process.getuid?.() === 0) chownSync(this.#folder, NOBODY, NOBODY);
  }

  #make({ synced = false, encoding = "UTF8", auth = "trust", templates }: PrivatePostgresOptions): void {
    this.#giveFolderAway();
    const template = templates && join(templates, [this.#version(), encoding, auth].join("-"));
    if (template !== undefined && existsSync(template)) copyFolder(template, this.#data);
    else {
      const options = ["-U", USER, `--auth-local=trust`, `--auth-host=${auth}`, "--no-sync", `--encoding=${encoding}`];
      this.#run("initdb", ["-D", this.#data, ...options, "--no-locale"]);
      if (template !== undefined) keepFolder(this.#data, template);
    }
    writeFileSync(join(this.#data, "postgresql.auto.conf"), SETTINGS + (synced ? "" : NOT_SYNCED) + this.#place);
  }

  /** For example "15.3". */
  #version(): string {
    const { stdout } = spawnSync(join(this.#bin, "initdb"), ["--version"], { encoding: "utf8" });
    return /[\d.]+/.exec(stdout)?.[0] ?? "";
  }

  /** Runs a slow program without blocking this process. */
  async #runBeside(program: string, args: readonly string[]): Promise<void> {
    const child = spawn(join(this.#bin, program), args, this.#spawnOptions);
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const [status] = await once(child, "close");
    if (status !== 0) throw new Error(`${program} ended with ${status}: ${said}`);
  }

  get #spawnOptions() {
    return {
      ...(process.getuid?.() === 0 && { uid: NOBODY, gid: NOBODY }),
      cwd: this.#folder,
      stdio: ["ignore", "ignore", "pipe"],
    } satisfies SpawnOptions;
  }

  #run(program: string, args: readonly string[]): void {
    const options = { ...this.#spawnOptions, encoding: "utf8" } as const;
    const { status, stderr, error } = spawnSync(join(this.#bin, program), args, options);
    if (status === 0) return;
    const said = existsSync(this.#log) ? readFileSync(this.#log, "utf8").slice(-1_000) : "";
    throw new Error(`${program} ended with ${status}: ${error ?? stderr}${said}`);
  }
}

/** Copies a folder with the owners and modes of its files, which PostgreSQL checks. */
function copyFolder(from: string, to: string): void {
  const { status, stderr } = spawnSync("cp", ["-Rp", from, to], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${from} cannot be copied: ${stderr}`);
}

/** Copies a folder to `to` atomically. Does nothing if another process has created `to` in the meantime. */
function keepFolder(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  const unfinished = mkdtempSync(`${to}-`);
  try {
    const copy = join(unfinished, "data");
    copyFolder(from, copy);
    renameSync(copy, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
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

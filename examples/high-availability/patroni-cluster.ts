import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Daemon, NOBODY } from "./daemon.ts";
import { Member } from "./member.ts";
import { etcdApiOf, fillIn, findPrograms, freePorts, type Programs } from "./programs.ts";

const ADDRESS = "127.0.0.1";
const NAMES = ["one", "two", "three"] as const;
const PASSWORD = "not-secret";
/** Time limit for each step of the cluster. */
const LIMIT_MS = 180_000;
const LOOK_MS = 100;

/** Options of {@link PatroniCluster.start}. */
export interface PatroniClusterOptions {
  /** The empty folder of everything that the cluster writes. Default: a new one. */
  readonly folder?: string;
}

/**
 * The cluster of this example on one machine, with one etcd: three members, one of which is the primary, and HAProxy in
 * front of them. All ports are free ones on loopback. Disposing it ends every process and removes its folder.
 */
export class PatroniCluster implements AsyncDisposable {
  readonly members: readonly Member[];
  readonly etcd: Daemon;
  readonly #haproxy: Daemon;
  readonly #haproxyPort: number;
  readonly #folder: string;

  /** Starts the cluster. Resolves when all members follow the primary. Throws an Error if a program is missing. */
  static async start({ folder }: PatroniClusterOptions = {}): Promise<PatroniCluster> {
    const programs = findPrograms();
    if ("missing" in programs) throw new Error(`not installed: ${programs.missing.join(", ")}`);
    const place = folder ?? mkdtempSync(join(tmpdir(), "sealwire-ha-"));
    giveAway(place);
    const cluster = new PatroniCluster(place, programs, await freePorts(2 + 2 * NAMES.length + 1));
    try {
      await cluster.#begin();
      return cluster;
    } catch (thrown) {
      await cluster[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  private constructor(folder: string, programs: Programs, ports: readonly number[]) {
    const [etcdPort = 0, etcdPeerPort = 0, haproxyPort = 0, ...rest] = ports;
    this.#folder = folder;
    this.#haproxyPort = haproxyPort;
    const api = etcdApiOf(programs.patroni);
    const shared = {
      ETCD_API: api,
      ETCD_V2: String(api === "etcd"),
      ADDRESS,
      NETWORK: `${ADDRESS}/32`,
      ETCD_PORT: etcdPort,
      ETCD_PEER_PORT: etcdPeerPort,
      ETCD_HOSTS: `${ADDRESS}:${etcdPort}`,
      ETCD_CLUSTER: `etcd=http://${ADDRESS}:${etcdPeerPort}`,
      POSTGRES_BIN: programs.postgres,
      SUPERUSER_PASSWORD: PASSWORD,
      REPLICATION_PASSWORD: PASSWORD,
      REWIND_PASSWORD: PASSWORD,
      HAPROXY_ADDRESS: `${ADDRESS}:${haproxyPort}`,
    };
    this.etcd = this.#daemon("etcd", "etcd.yaml", { ...shared, NAME: "etcd" }, [programs.etcd, "--config-file"]);
    this.members = NAMES.map((name, place) => {
      const [postgresPort = 0, restPort = 0] = rest.slice(2 * place);
      const values = { ...shared, NAME: name, POSTGRES_PORT: postgresPort, REST_PORT: restPort };
      this.#configure(name, "patroni.yaml", values);
      return new Member({ name, folder: join(folder, name), patroni: programs.patroni, postgresPort, restPort });
    });
    const servers = this.members.flatMap(({ name, postgresPort }, place) => [
      [`POSTGRES_${name.toUpperCase()}`, `${ADDRESS}:${postgresPort}`],
      [`REST_PORT_${name.toUpperCase()}`, rest[2 * place + 1]],
    ]);
    const values = { ...shared, ...Object.fromEntries(servers) };
    this.#haproxy = this.#daemon("haproxy", "haproxy.cfg", values, [programs.haproxy, "-db", "-f"]);
  }

  /** The password of the superuser. */
  get password(): string {
    return PASSWORD;
  }

  /** The URL of the database through HAProxy, with the superuser and its password. */
  url(): string {
    return urlOf(`${ADDRESS}:${this.#haproxyPort}`);
  }

  /** The same past HAProxy: with all members, of which one accepts writes. */
  urlOfMembers(): string {
    return urlOf(this.members.map(({ postgresPort }) => `${ADDRESS}:${postgresPort}`).join(","));
  }

  /** Waits until one of `candidates`, by default all members, is the primary. */
  async primary(candidates: readonly Member[] = this.members): Promise<Member> {
    for (const endMs = performance.now() + LIMIT_MS; ; await delay(LOOK_MS)) {
      const are = await Promise.all(candidates.map((member) => member.isPrimary()));
      const primary = candidates[are.indexOf(true)];
      if (primary !== undefined) return primary;
      const isOver = performance.now() > endMs || !candidates.some(({ isRunning }) => isRunning);
      if (isOver) throw new Error(`no member became the primary: ${this.#said()}`);
    }
  }

  /** Waits until there is a primary, a synchronous standby and a third member, and all follow. */
  async whole(): Promise<void> {
    for (const endMs = performance.now() + LIMIT_MS; ; await delay(LOOK_MS)) {
      const primary = await this.primary();
      const states = (await primary.cluster()) ?? [];
      const following = states.filter(({ role, lag }) => role !== "leader" && lag === 0);
      const isSynced = states.some(({ role }) => role === "sync_standby");
      const timelines = new Set(states.map(({ timeline }) => timeline));
      if (isSynced && following.length === NAMES.length - 1 && timelines.size === 1) return;
      if (performance.now() > endMs) throw new Error(`not all follow: ${JSON.stringify(states)} ${this.#said()}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#haproxy[Symbol.asyncDispose]();
    for (const member of this.members) await member[Symbol.asyncDispose]();
    await this.etcd[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 });
  }

  async #begin(): Promise<void> {
    this.etcd.start();
    this.#haproxy.start();
    const [first, ...others] = this.members;
    first?.start();
    await this.primary();
    for (const member of others) member.start();
    await this.whole();
  }

  /** Writes a file of this folder with its values. Returns its path. */
  #configure(name: string, file: string, values: Readonly<Record<string, string | number>>): string {
    const folder = join(this.#folder, name);
    mkdirSync(folder);
    const path = join(folder, file);
    const template = readFileSync(join(import.meta.dirname, file), "utf8");
    writeFileSync(path, fillIn(template, { ...values, DATA: folder }), { mode: 0o600 });
    giveAway(folder);
    giveAway(path);
    return path;
  }

  #daemon(name: string, file: string, values: Readonly<Record<string, string | number>>, program: readonly string[]) {
    const path = this.#configure(name, file, values);
    const folder = join(this.#folder, name);
    return new Daemon({ folder, log: join(folder, "log"), command: [...program, path] });
  }

  /** The ends of all logs. */
  #said(): string {
    const names = ["etcd", "haproxy", ...NAMES];
    return names.map((name) => `\n--- ${name}\n${tail(join(this.#folder, name, "log"))}`).join("");
  }
}

function urlOf(hosts: string): string {
  return `postgres://postgres:${PASSWORD}@${hosts}/postgres?schema=sealwire&sslmode=disable`;
}

function tail(path: string): string {
  try {
    return readFileSync(path, "utf8").slice(-2_000);
  } catch {
    return "no log";
  }
}

function giveAway(path: string): void {
  if (process.getuid?.() === 0) chownSync(path, NOBODY, NOBODY);
}

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Client } from "pg";
import { PatroniCluster } from "../../examples/high-availability/patroni-cluster.ts";
import { dataFolder } from "../../src/cli/input/data-folder.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { addKey, newKeyRing } from "../../src/signing/key-ring/changes.ts";
import { type ClientCredentials, credentialsOf } from "../../src/signing/key-ring/credentials.ts";
import { buildKeyRing } from "../../src/signing/key-ring/key-ring.ts";
import { createRingFile } from "../../src/signing/key-ring/ring-file.ts";
import { migratePostgresStore, narrowPostgresAhead, openPostgresStore } from "../../src/store/postgres/open.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import type { Event } from "./history.ts";
import { PostgresPair } from "./postgres-pair.ts";
import { VICTIM_TOOLS } from "./replica.ts";
import type { Scenario } from "./scenario.ts";
import { Upstreams } from "./upstreams.ts";

/** The engines that a campaign runs on. */
export type EngineName = "sqlite" | "postgres";

/** A process of the site: it serves calls, runs jobs, or both. */
export interface Role {
  readonly name: string;
  /** The command line, without the listening address and the log level. */
  readonly command: readonly string[];
  readonly serves: boolean;
}

const LIMITS = {
  callsPerSecond: 1_000_000,
  burst: 1_000_000,
  callsInFlight: 100_000,
  openJobs: 100_000,
  openWatches: 100_000,
};
/** The settings that the example of a cluster recommends. */
const EXAMPLE = join(import.meta.dirname, "../../examples/high-availability/serve.json");
const EXAMPLE_SETTINGS = JSON.parse(readFileSync(EXAMPLE, "utf8")) as Readonly<Record<string, unknown>>;
/** Age of the keys. It exceeds every clock offset. */
const KEY_AGE_MS = 7_200_000;
/** The ids of the clients. */
export const CLIENT_IDS = ["ann", "bob", "cid"] as const;

/** The resources of a campaign: a folder, a key ring and, for a shared store, a database. */
export class Site implements AsyncDisposable {
  readonly scenario: Scenario;
  /** The only database server of the store. */
  readonly postgres: PostgresServer | undefined;
  /** The two database servers of the store. */
  readonly pair: PostgresPair | undefined;
  /** The cluster of database servers of the store, which fails over by itself. */
  readonly cluster: PatroniCluster | undefined;
  /** What runs the called tools; `undefined`: the servers and workers themselves. */
  readonly upstreams: Upstreams | undefined;
  readonly roles: readonly Role[];
  readonly credentials: ReadonlyMap<string, ClientCredentials>;
  readonly #folder: string;

  static async make(scenario: Scenario): Promise<Site> {
    const folder = mkdtempSync(join(tmpdir(), "sealwire-crash-"));
    const context = { nowMs: Date.now() - KEY_AGE_MS, random: systemRandom };
    let document = newKeyRing("crash", context);
    for (const clientId of CLIENT_IDS) {
      document = addKey(document, { clientId, tools: ["*"], limits: LIMITS }, context).document;
    }
    await createRingFile(dataFolder(folder).keyRing, document);
    const keys = [...buildKeyRing(document).keys()];
    const credentials = new Map(
      keys.map((key) => [key.clientId, credentialsOf(key, { serverId: "crash", address: "127.0.0.1:0" })]),
    );
    const { engine, strikes } = scenario;
    const failsOver = strikes === "failover" || strikes === "lossy failover";
    const pair = failsOver ? await PostgresPair.start({ synchronous: strikes === "failover" }) : undefined;
    const cluster = strikes === "high availability" ? await PatroniCluster.start() : undefined;
    const isAlone = engine === "postgres" && !failsOver && cluster === undefined;
    const postgres = isAlone ? await PostgresServer.start() : undefined;
    return new Site({ scenario, folder, credentials, postgres, pair, cluster });
  }

  private constructor(made: {
    readonly scenario: Scenario;
    readonly folder: string;
    readonly credentials: ReadonlyMap<string, ClientCredentials>;
    readonly postgres: PostgresServer | undefined;
    readonly pair: PostgresPair | undefined;
    readonly cluster: PatroniCluster | undefined;
  }) {
    this.scenario = made.scenario;
    this.#folder = made.folder;
    this.credentials = made.credentials;
    this.postgres = made.postgres;
    this.pair = made.pair;
    this.cluster = made.cluster;
    writeFileSync(this.journal, "");
    const { maxAheadMs, strikes } = this.scenario;
    this.upstreams =
      strikes === "upstreams" ? new Upstreams({ folder: this.#folder, journal: this.journal }) : undefined;
    const config = join(this.#folder, "server.json");
    const upstreams = this.upstreams?.setting ?? {};
    const limits = maxAheadMs === undefined ? {} : { max_ahead_ms: maxAheadMs };
    writeFileSync(config, JSON.stringify({ limits, upstreams, ...(this.cluster !== undefined && EXAMPLE_SETTINGS) }));
    const serve = ["serve", "--config", config, "--data", this.#folder, "--tools", VICTIM_TOOLS];
    // With a cluster every second process connects past HAProxy, with all members in its URL.
    const store = (place: number) => [
      "--store",
      withoutPassword((place % 2 === 1 && this.cluster?.urlOfMembers()) || this.url),
    ];
    const work = ["work", "--config", config, "--server-id", "crash", ...store(0), "--tools", VICTIM_TOOLS];
    this.roles =
      this.scenario.engine === "sqlite"
        ? [{ name: "server", command: [...serve, "--concurrency", "12"], serves: true }]
        : [
            ...Array.from({ length: this.scenario.fleet.servers }, (_, place) => ({
              name: `server ${place + 1}`,
              command: [
                ...serve,
                ...store(place),
                ...(place + 1 < made.scenario.fleet.servers ? ["--no-work"] : ["--concurrency", "4"]),
              ],
              serves: true,
            })),
            ...Array.from({ length: this.scenario.fleet.workers }, (_, place) => ({
              name: `worker ${place + 1}`,
              command: [...work, "--concurrency", "8"],
              serves: false,
            })),
          ];
  }

  /** The file of a store that is not shared. */
  get storePath(): string {
    return dataFolder(this.#folder).store;
  }

  /** The file to which handlers write their events. */
  get journal(): string {
    return join(this.#folder, "journal");
  }

  /** Path of the log file of a process, by its number. */
  logPath(place: number): string {
    return join(this.#folder, `log-${place}`);
  }

  /**
   * The events that handlers have written so far. Skips a line without its closing brace, whose writer was killed or
   * frozen.
   */
  readJournal(): Event[] {
    const lines = readFileSync(this.journal, "utf8").split("\n");
    return lines.filter((line) => line.endsWith("}")).map((line) => JSON.parse(line) as Event);
  }

  /** The shared store; "" if there is none. */
  get url(): string {
    return this.cluster?.url() ?? this.pair?.url() ?? this.postgres?.url() ?? "";
  }

  /** Variables of the environment of its processes: the password of the store, which is in no command line. */
  get env(): Readonly<Record<string, string>> {
    return this.cluster === undefined ? {} : { PGPASSWORD: this.cluster.password };
  }

  /** Makes the tables of a shared store, if there is one. */
  async migrate(): Promise<void> {
    if (this.url === "") return;
    await migratePostgresStore({ url: this.url });
    const { maxAheadMs } = this.scenario;
    if (maxAheadMs === undefined) return;
    await narrowPostgresAhead({ url: this.url, maxAheadMs });
  }

  /** Opens the store. No server may use it. */
  open(): Promise<Store> {
    if (this.scenario.engine === "postgres") return openPostgresStore({ url: this.url });
    return openSqliteStore({ path: this.storePath });
  }

  /** The number of failed attempts of each job, by its id. No server may use the store. */
  async readFailures(): Promise<ReadonlyMap<string, number>> {
    const query = "SELECT job_id, failures FROM job";
    if (this.scenario.engine === "sqlite") {
      using db = new DatabaseSync(this.storePath, { readOnly: true });
      return failuresOf(db.prepare(query).all());
    }
    await using client = await this.#connect();
    return failuresOf((await client.query(query)).rows);
  }

  /** Connects to the server that accepts writes. */
  async #connect(): Promise<Client & AsyncDisposable> {
    const server = this.pair?.primary ?? this.postgres;
    if (server !== undefined) return await server.connect("sealwire");
    const client = new Client({ connectionString: this.url.replace(/\?.*/, ""), options: "-c search_path=sealwire" });
    await client.connect();
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.postgres?.[Symbol.asyncDispose]();
    await this.pair?.[Symbol.asyncDispose]();
    await this.cluster?.[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function withoutPassword(url: string): string {
  return url.replace(/:[^:@/]+@/, "@");
}

function failuresOf(rows: readonly object[]): Map<string, number> {
  return new Map((rows as { job_id: string; failures: number }[]).map(({ job_id, failures }) => [job_id, failures]));
}

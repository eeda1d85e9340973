import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dataFolder } from "../../src/cli/data-folder.ts";
import { migratePostgresStore, openPostgresStore } from "../../src/jobs/postgres/open.ts";
import { openSqliteStore } from "../../src/jobs/sqlite/open.ts";
import type { Store } from "../../src/jobs/store.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { addKey, newKeyRing } from "../../src/signing/key-ring/changes.ts";
import { type ClientCredentials, credentialsOf } from "../../src/signing/key-ring/credentials.ts";
import { buildKeyRing } from "../../src/signing/key-ring/key-ring.ts";
import { createRingFile } from "../../src/signing/key-ring/ring-file.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import type { Event } from "./history.ts";
import { VICTIM_TOOLS } from "./replica.ts";

/** The engines that a campaign runs on. */
export type EngineName = "sqlite" | "postgres";

/** What a process of the site does: takes calls, works jobs, or both. */
export interface Role {
  readonly name: string;
  /** The command line, without the address to listen at. */
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
/** Who calls. */
export const CLIENT_IDS = ["ann", "bob", "cid"] as const;

/** The place that a campaign destroys: a folder, a key ring, perhaps a database. */
export class Site implements AsyncDisposable {
  readonly engine: EngineName;
  readonly postgres: PostgresServer | undefined;
  readonly roles: readonly Role[];
  readonly credentials: ReadonlyMap<string, ClientCredentials>;
  readonly #folder: string;

  static async make(engine: EngineName): Promise<Site> {
    const folder = mkdtempSync(join(tmpdir(), "sealwire-crash-"));
    const context = { nowMs: Date.now() - 600_000, random: systemRandom };
    let document = newKeyRing("crash", context);
    for (const clientId of CLIENT_IDS) {
      document = addKey(document, { clientId, tools: ["*"], limits: LIMITS }, context).document;
    }
    await createRingFile(dataFolder(folder).keyRing, document);
    const keys = [...buildKeyRing(document).keys()];
    const credentials = new Map(
      keys.map((key) => [key.clientId, credentialsOf(key, { serverId: "crash", address: "127.0.0.1:0" })]),
    );
    const postgres = engine === "postgres" ? await PostgresServer.start() : undefined;
    return new Site({ engine, folder, credentials, postgres });
  }

  private constructor(made: {
    readonly engine: EngineName;
    readonly folder: string;
    readonly credentials: ReadonlyMap<string, ClientCredentials>;
    readonly postgres: PostgresServer | undefined;
  }) {
    this.engine = made.engine;
    this.#folder = made.folder;
    this.credentials = made.credentials;
    this.postgres = made.postgres;
    writeFileSync(this.journal, "");
    const serve = ["serve", "--data", this.#folder, "--tools", VICTIM_TOOLS, "--log-level", "warn"];
    const store = ["--store", this.url];
    this.roles =
      made.postgres === undefined
        ? [{ name: "server", command: [...serve, "--concurrency", "12"], serves: true }]
        : [
            { name: "server 1", command: [...serve, ...store, "--no-work"], serves: true },
            { name: "server 2", command: [...serve, ...store, "--no-work"], serves: true },
            { name: "server 3", command: [...serve, ...store, "--concurrency", "4"], serves: true },
            ...[1, 2].map((place) => ({
              name: `worker ${place}`,
              command: ["work", ...store, "--tools", VICTIM_TOOLS, "--concurrency", "8", "--log-level", "warn"],
              serves: false,
            })),
          ];
  }

  /** Where handlers write what they do. */
  get journal(): string {
    return join(this.#folder, "journal");
  }

  /** What handlers have written so far. */
  readJournal(): Event[] {
    const lines = readFileSync(this.journal, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Event);
  }

  /** The shared store; "" if there is none. */
  get url(): string {
    return this.postgres?.url() ?? "";
  }

  /** Makes the tables of a shared store. */
  async migrate(): Promise<void> {
    await migratePostgresStore({ url: this.url });
  }

  /** Opens the store as it is, once no server has it open. */
  open(): Promise<Store> {
    if (this.engine === "postgres") return openPostgresStore({ url: this.url });
    return openSqliteStore({ path: dataFolder(this.#folder).store });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.postgres?.[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

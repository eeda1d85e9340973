import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClientCredentials, readCredentials } from "../../src/signing/key-ring/credentials.ts";
import { CliProcess, CliServer, sealwire } from "../cli/cli-process.ts";
import type { PostgresServer } from "../support/postgres-server.ts";

/** How many processes share the store. */
export interface ClusterSize {
  readonly servers: number;
  readonly workers: number;
}

const NO_LIMITS = ["--calls-per-second", "1000000", "--burst", "1000000", "--open-watches", "10000"];

/** Servers and workers, each a process of its own, on one database: what stands behind a load balancer. */
export class Cluster implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "sealwire-cluster-"));
  readonly servers: CliServer[] = [];
  readonly workers: CliProcess[] = [];
  readonly schema: string;
  readonly #url: string;

  private constructor(schema: string, url: string) {
    this.schema = schema;
    this.#url = url;
  }

  /** Starts everything, with one client "alice" that may do everything. */
  static async start(postgres: PostgresServer, { servers, workers }: ClusterSize): Promise<Cluster> {
    const schema = await postgres.newSchema();
    const cluster = new Cluster(schema, postgres.url(schema));
    await cluster.addClient("alice", "--server-id", "cluster");
    await Promise.all([
      ...Array.from({ length: servers }, async (_, index) => cluster.startServer(index)),
      ...Array.from({ length: workers }, async (_, index) => cluster.startWorker(index)),
    ]);
    return cluster;
  }

  /** Makes a key that works at once. */
  async addClient(clientId: string, ...options: readonly string[]): Promise<void> {
    const out = ["--out", `${clientId}.json`, "--tools", "*", "--not-before", "2026-01-01T00:00:00Z", ...NO_LIMITS];
    await this.run("keys", "add", clientId, ...this.#ring, ...out, ...options);
  }

  async credentials(clientId = "alice"): Promise<ClientCredentials> {
    return readCredentials(join(this.folder, `${clientId}.json`));
  }

  /** Runs a command that must succeed; gives what it printed. */
  async run(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await sealwire(args, { cwd: this.folder, env: { SEALWIRE_STORE: this.#url } });
    if (code !== 0) throw new Error(`sealwire ${args.join(" ")} ended with ${code}: ${stderr}`);
    return stdout;
  }

  revoke(keyId: string): Promise<string> {
    return this.run("keys", "revoke", keyId, ...this.#ring);
  }

  addresses(): string[] {
    return this.servers.map(({ ready }) => ready.listening);
  }

  /** Starts the server of that place, at the address it had before if it had one. */
  async startServer(index: number): Promise<void> {
    const listen = this.servers[index]?.ready.listening ?? "127.0.0.1:0";
    const options = ["--demo-tools", "--no-work", ...this.#ring.slice(2), "--store", this.#url, "--listen", listen];
    this.servers[index] = await CliServer.start(this.folder, ...options);
  }

  async startWorker(index: number): Promise<void> {
    const worker = new CliProcess(["work", "--demo-tools", "--store", this.#url], { cwd: this.folder });
    this.workers[index] = worker;
    await worker.until("the worker", () => worker.stdout.includes("\n"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.servers, ...this.workers].map((each) => each[Symbol.asyncDispose]()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  get #ring(): readonly string[] {
    return ["--store", this.#url, "--server-secret-file", "secrets.json"];
  }
}

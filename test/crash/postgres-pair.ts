import { setTimeout as delay } from "node:timers/promises";
import { PostgresServer } from "../support/postgres-server.ts";

/** Options of a {@link PostgresPair}. */
export interface PostgresPairOptions {
  /** A commit waits for the standby. */
  readonly synchronous: boolean;
}

/** Time limit for a standby to catch up. */
const FOLLOWS_WITHIN_MS = 60_000;

/** A primary and a standby on two ports. Their roles may change. */
export class PostgresPair implements AsyncDisposable {
  #primary: PostgresServer;
  #standby: PostgresServer;
  readonly #synchronous: boolean;
  readonly #url: string;

  static async start({ synchronous }: PostgresPairOptions): Promise<PostgresPair> {
    const primary = await PostgresServer.start();
    if (synchronous) primary.configure("synchronous_standby_names = '*'");
    const pair = new PostgresPair({ primary, standby: await primary.startStandby(), synchronous });
    await pair.#following();
    return pair;
  }

  private constructor(made: {
    readonly primary: PostgresServer;
    readonly standby: PostgresServer;
    readonly synchronous: boolean;
  }) {
    this.#primary = made.primary;
    this.#standby = made.standby;
    this.#synchronous = made.synchronous;
    const hosts = `127.0.0.1:${made.primary.port},127.0.0.1:${made.standby.port}`;
    this.#url = made.primary.url().replace(`127.0.0.1:${made.primary.port}`, hosts);
  }

  /** The URL of the store, which contains both servers. The primary accepts writes. */
  url(): string {
    return `${this.#url}&target_session_attrs=read-write`;
  }

  /** The server that accepts writes. */
  get primary(): PostgresServer {
    return this.#primary;
  }

  /** Stops replication, so that the standby falls behind. */
  cutReplication(): void {
    this.#standby.configure("primary_conninfo = ''");
  }

  /**
   * Crashes the primary and promotes the standby with its current data. The old primary stays down; see {@link
   * rebuild}.
   */
  failOver(): void {
    this.#primary.crash();
    this.#standby.promote();
    [this.#primary, this.#standby] = [this.#standby, this.#primary];
  }

  /** Rebuilds the old primary as the standby of the new one. Resolves when it has caught up. */
  async rebuild(): Promise<void> {
    const { port } = this.#standby;
    await this.#standby[Symbol.asyncDispose]();
    this.#standby = await this.#primary.startStandby(undefined, port);
    await this.#following();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#standby[Symbol.asyncDispose]();
    await this.#primary[Symbol.asyncDispose]();
  }

  async #following(): Promise<void> {
    await using client = await this.#primary.connect("public");
    for (const endMs = performance.now() + FOLLOWS_WITHIN_MS; ; await delay(20)) {
      const { rows } = await client.query("SELECT state, sync_state FROM pg_stat_replication");
      const [standby] = rows as { readonly state: string; readonly sync_state: string }[];
      if (standby?.state === "streaming" && (standby.sync_state === "async") !== this.#synchronous) return;
      if (performance.now() > endMs) throw new Error(`the standby does not follow: ${JSON.stringify(rows)}`);
    }
  }
}

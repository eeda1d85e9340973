import type { Client, Notification as PgNotification } from "pg";
import type { TenantQueue } from "../../jobs/fair-queue.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { runPeriodically } from "../../runtime/periodic.ts";
import { OutageLog } from "../outage-log.ts";
import type { Database } from "./database.ts";
import { databaseError, isDatabaseAway } from "./database-error.ts";
import { sql } from "./statement.ts";

const RECONNECT_MS = 500;
const CHECK_MS = 5_000;
/** Identifies a running server, also behind a proxy. */
const SERVER = sql(
  "SELECT concat_ws(' ', pg_postmaster_start_time(), inet_server_addr(), inet_server_port()) AS server",
);
/** The driver has a time limit for one query, which its types leave out. */
const ASK_SERVER = { text: SERVER.text, query_timeout: CHECK_MS };
/** PostgreSQL limits a notification to less than 8,000 bytes. */
const MAX_PAYLOAD = 7_500;

/** A change of a job, as sent to other processes. */
export interface JobNotification {
  readonly jobId: string;
  readonly owner: string;
  /** Set if the job was queued: its queue and due time. */
  readonly queued?: TenantQueue;
  /** Set if the owner cancelled the running job. */
  readonly cancelRequested?: true;
}

/** A notification from another process. */
export type StoreNotification = { readonly jobs: readonly JobNotification[] } | { readonly keyRing: true };

/** Receives notifications. */
export interface NotificationListener {
  /** Called when another process has committed a change. */
  heard(notification: StoreNotification): void;
  /** Called when notifications may have been lost. The listener must read the current state. */
  resumed(): void;
}

/** Options of {@link Notifications}. */
export interface NotificationsOptions {
  readonly database: Database;
  readonly schema: string;
  /** Id of this process, to ignore its own notifications. */
  readonly instanceId: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Notifies the processes that share a store of each other's commits, by LISTEN and NOTIFY on a separate connection. A
 * notification is sent after its commit and may be lost, so every listener also polls.
 */
export class Notifications implements AsyncDisposable {
  readonly #options: NotificationsOptions;
  readonly #listeners = new Set<NotificationListener>();
  readonly #log: OutageLog;
  #jobs: JobNotification[] = [];
  #client: Client | undefined;
  #retry: Disposable | undefined;
  #connecting: Promise<void> = Promise.resolve();
  #sending: Promise<void> | undefined;
  readonly #checks: AsyncDisposable;
  #closed = false;

  constructor(options: NotificationsOptions) {
    this.#options = options;
    this.#checks = runPeriodically(options.clock, CHECK_MS, () => this.#check());
    const [away, back] = ["the connection for notifications was lost", "the connection for notifications was restored"];
    this.#log = new OutageLog({ clock: systemClock, logger: options.logger, away, back });
  }

  /** Connects. Throws UNAVAILABLE on failure. After a success, a lost connection is reopened automatically. */
  async open(): Promise<void> {
    const { database, schema } = this.#options;
    let client: Client | undefined;
    try {
      client = await database.open("sealwire notifications");
      client.on("notification", (notification) => this.#hear(notification));
      // Polling compensates for notifications that a crash of the database loses.
      await client.query(`SET synchronous_commit TO off; LISTEN ${schema}`);
    } catch (thrown) {
      await client?.end().catch(() => {});
      throw databaseError(thrown);
    }
    const made = client;
    made.on("end", () => this.#lost(made, new Error("the connection ended")));
    this.#client = made;
    this.#log.worked();
  }

  listen(listener: NotificationListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** Sends a change of a job. All changes of a tick are sent together. */
  tellJob(notification: JobNotification): void {
    this.#jobs.push(notification);
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#log[Symbol.dispose]();
    this.#retry?.[Symbol.dispose]();
    await this.#checks[Symbol.asyncDispose]();
    await this.#connecting;
    await this.#sending;
    await this.#client?.end().catch(() => {});
  }

  async #send(): Promise<void> {
    await new Promise(setImmediate);
    while (this.#jobs.length > 0 && this.#client !== undefined) {
      const payload = takePayload(this.#jobs, this.#options.instanceId);
      await this.#notify(payload);
    }
    this.#jobs = [];
  }

  async #notify(payload: string): Promise<void> {
    const client = this.#client;
    try {
      await client?.query("SELECT pg_notify($1, $2)", [this.#options.schema, payload]);
    } catch (error) {
      this.#options.logger.debug({ err: error }, "a notification was not sent");
      if (client !== undefined && isDatabaseAway(error)) this.#lost(client, error);
    }
  }

  /**
   * Reopens the connection if it does not answer, or if statements go to another server: after a failover a former
   * primary may keep it open.
   */
  async #check(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    const [here, elsewhere] = await Promise.allSettled([
      client.query<{ server: string }>(ASK_SERVER),
      this.#options.database.all<{ server: string }>(SERVER),
    ]);
    if (here.status === "rejected") this.#lost(client, here.reason);
    else if (elsewhere.status === "fulfilled" && here.value.rows[0]?.server !== elsewhere.value[0]?.server)
      this.#lost(client, new Error("the database is at another server"));
  }

  #hear({ payload = "" }: PgNotification): void {
    try {
      const { from, ...notification } = JSON.parse(payload) as { from?: string } & StoreNotification;
      if (from === this.#options.instanceId) return;
      for (const listener of this.#listeners) listener.heard(notification);
    } catch (error) {
      // Any user who can connect can send notifications, so an unrecognised one is ignored.
      this.#options.logger.debug({ err: error }, "ignored an unrecognised notification");
      for (const listener of this.#listeners) listener.resumed();
    }
  }

  #lost(client: Client, cause: unknown): void {
    if (this.#closed || this.#client !== client) return;
    this.#client = undefined;
    // Does not wait for the server, which may be unreachable.
    client.end().catch(() => {});
    this.#log.failed(cause);
    this.#reconnectLater();
  }

  #reconnectLater(): void {
    this.#retry = this.#options.clock.after(RECONNECT_MS, () => {
      this.#connecting = this.open().then(
        () => {
          for (const listener of this.#listeners) listener.resumed();
        },
        () => {
          if (!this.#closed) this.#reconnectLater();
        },
      );
    });
  }
}

/** The payload that notifies every process of a changed key ring. */
export function keyRingPayload(): string {
  return JSON.stringify({ keyRing: true });
}

/** Removes as many changes from `jobs` as fit into one notification and returns its payload. */
function takePayload(jobs: JobNotification[], from: string): string {
  const texts: string[] = [];
  let bytes = 0;
  while (jobs.length > 0) {
    const text = JSON.stringify(jobs[0]);
    bytes += Buffer.byteLength(text) + 1;
    if (texts.length > 0 && bytes > MAX_PAYLOAD - 100) break;
    texts.push(text);
    jobs.shift();
  }
  return `{"from":${JSON.stringify(from)},"jobs":[${texts.join(",")}]}`;
}

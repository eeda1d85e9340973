import type { Client, Notification as PgNotification } from "pg";
import type { TenantQueue } from "../../jobs/fair-queue.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { OutageLog } from "../outage-log.ts";
import type { Database } from "./database.ts";
import { databaseError } from "./database-error.ts";

const RECONNECT_MS = 500;
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
  #closed = false;

  constructor(options: NotificationsOptions) {
    this.#options = options;
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
    made.on("end", () => this.#lost(made));
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
    try {
      await this.#client?.query("SELECT pg_notify($1, $2)", [this.#options.schema, payload]);
    } catch (error) {
      this.#options.logger.debug({ err: error }, "a notification was not sent");
    }
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

  #lost(client: Client): void {
    if (this.#closed || this.#client !== client) return;
    this.#client = undefined;
    this.#log.failed(new Error("the connection ended"));
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

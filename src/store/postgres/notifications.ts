import type { Client, Notification as PgNotification } from "pg";
import type { TenantQueue } from "../../jobs/fair-queue.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { OutageLog } from "../outage-log.ts";
import type { Database } from "./database.ts";
import { databaseError } from "./database-error.ts";

const RECONNECT_MS = 500;
/** A notification holds less than 8,000 bytes. */
const MAX_PAYLOAD = 7_500;

/** A change of a job, as other processes are told of it. */
export interface JobNotification {
  readonly jobId: string;
  readonly owner: string;
  /** Set if the job was queued: its queue, and when it is due. */
  readonly queued?: TenantQueue;
  /** Set if the owner asked the running job to stop. */
  readonly cancelRequested?: true;
}

/** What other processes say. */
export type StoreNotification = { readonly jobs: readonly JobNotification[] } | { readonly keyRing: true };

/** Who wants to know. */
export interface NotificationListener {
  /** Another process committed something. */
  heard(notification: StoreNotification): void;
  /** Notifications may have been lost: whatever they are about must be read again. */
  resumed(): void;
}

/** What {@link Notifications} work with. */
export interface NotificationsOptions {
  readonly database: Database;
  readonly schema: string;
  /** Names this process, so that it does not hear itself. */
  readonly instanceId: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Tells the processes that share a store of each other's commits, by NOTIFY on a connection of its own. A notification may be
 * lost, and is sent after the commit that it is about: everything that waits for one also looks from time to time.
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
    const [away, back] = ["the connection for notifications was lost", "notifications are back"];
    this.#log = new OutageLog({ clock: systemClock, logger: options.logger, away, back });
  }

  /** Connects. Throws UNAVAILABLE if that fails; once it has succeeded, a lost connection is made anew. */
  async open(): Promise<void> {
    const { database, schema } = this.#options;
    let client: Client | undefined;
    try {
      client = await database.open("sealwire notifications");
      client.on("notification", (notification) => this.#hear(notification));
      // A notification that a crash of the database loses is made good by looking.
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

  /** Tells of a job's change; all of a tick are sent together. */
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
      // Everybody who may connect may notify. What makes no sense may stand for anything.
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

/** What tells every process that the key ring changed. */
export function keyRingPayload(): string {
  return JSON.stringify({ keyRing: true });
}

/** Takes as many changes as fit into one notification. */
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

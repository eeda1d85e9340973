import type { Client } from "pg";
import type { Clock } from "../../../runtime/clock.ts";
import type { StoreConnections } from "../../store.ts";

const IDLE_MS = 30_000;
const WAIT_MS = 15_000;

/** What a {@link ConnectionPool} works with. */
export interface ConnectionPoolOptions {
  /** Most connections at once. */
  readonly most: number;
  readonly connect: () => Promise<Client>;
  readonly clock: Clock;
}

interface Waiting {
  readonly resolve: (client: Client) => void;
  readonly reject: (thrown: unknown) => void;
  readonly timer: Disposable;
}

/**
 * Connections that are lent to one user at a time, made when they are needed and closed when they are not. That of the
 * driver knows one server; this one leaves it to `connect` where a connection leads.
 */
export class ConnectionPool implements AsyncDisposable {
  readonly #options: ConnectionPoolOptions;
  /** Those that nobody uses, with the timer that ends them; the last used one is lent first. */
  readonly #idle = new Map<Client, Disposable>();
  readonly #waiting = new Set<Waiting>();
  #open = 0;
  #closing: (() => void) | undefined;

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
  }

  /** How many there are, and what they do. Those that are being made count as used. */
  get figures(): StoreConnections {
    const idle = this.#idle.size;
    return { most: this.#options.most, used: this.#open - idle, idle, waiting: this.#waiting.size };
  }

  /** Lends a connection; give it back. Throws an Error if none is to be had for 15 s, and what `connect` throws. */
  async take(): Promise<Client> {
    const idle = [...this.#idle.keys()].at(-1);
    if (idle !== undefined) {
      this.#forget(idle);
      return idle;
    }
    return this.#open < this.#options.most ? this.#connect() : this.#wait();
  }

  /** Takes a connection back; a broken one is not used again. */
  give(client: Client, broken: boolean): void {
    if (broken || this.#closing !== undefined) this.#end(client);
    else this.#lendOrKeep(client);
  }

  /** Ends what nobody uses just now. */
  endIdle(): void {
    for (const client of [...this.#idle.keys()]) {
      this.#forget(client);
      this.#end(client);
    }
  }

  /** Waits for what is lent. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#closing = resolve;
    });
    for (const waiting of this.#waiting) this.#refuse(waiting, new Error("the connections are closed"));
    this.endIdle();
    if (this.#open > 0) await closed;
  }

  async #connect(): Promise<Client> {
    this.#open += 1;
    try {
      const client = await this.#options.connect();
      client.once("end", () => this.#forget(client) && this.#closed());
      return client;
    } catch (thrown) {
      this.#closed();
      throw thrown;
    }
  }

  #wait(): Promise<Client> {
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.after(WAIT_MS, () =>
        this.#refuse(waiting, new Error(`all ${this.#options.most} connections were in use for ${WAIT_MS / 1000} s`)),
      );
      const waiting = { resolve, reject, timer };
      this.#waiting.add(waiting);
    });
  }

  #lendOrKeep(client: Client): void {
    const waiting = this.#nextWaiting();
    if (waiting !== undefined) waiting.resolve(client);
    else
      this.#idle.set(
        client,
        this.#options.clock.after(IDLE_MS, () => this.#forget(client) && this.#end(client)),
      );
  }

  /** Whether the server closes its side as well is not waited for: it may be gone. */
  #end(client: Client): void {
    client.end().catch(() => {});
    this.#closed();
  }

  /** A connection is gone: whoever waits may have one in its place. */
  #closed(): void {
    this.#open -= 1;
    if (this.#closing !== undefined) {
      if (this.#open === 0) this.#closing();
      return;
    }
    const waiting = this.#nextWaiting();
    if (waiting !== undefined) this.#connect().then(waiting.resolve, waiting.reject);
  }

  #nextWaiting(): Waiting | undefined {
    const [waiting] = this.#waiting;
    if (waiting !== undefined) this.#leave(waiting);
    return waiting;
  }

  #refuse(waiting: Waiting, thrown: Error): void {
    this.#leave(waiting);
    waiting.reject(thrown);
  }

  #leave(waiting: Waiting): void {
    waiting.timer[Symbol.dispose]();
    this.#waiting.delete(waiting);
  }

  /** True if it was idle. */
  #forget(client: Client): boolean {
    this.#idle.get(client)?.[Symbol.dispose]();
    return this.#idle.delete(client);
  }
}

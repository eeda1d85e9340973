import type { Client } from "pg";
import type { Clock } from "../../../runtime/clock.ts";
import type { StoreConnections } from "../../store.ts";

const IDLE_MS = 30_000;
const WAIT_MS = 15_000;

/** Options of a {@link ConnectionPool}. */
export interface ConnectionPoolOptions {
  /** Maximum number of connections. */
  readonly most: number;
  readonly connect: () => Promise<Client>;
  readonly clock: Clock;
}

interface Waiter {
  readonly resolve: (client: Client) => void;
  readonly reject: (thrown: unknown) => void;
  readonly timer: Disposable;
}

/**
 * A connection pool. Connections are opened on demand and closed when they are idle. Unlike the driver's pool it does
 * not assume one server: `connect` selects the server of each connection.
 */
export class ConnectionPool implements AsyncDisposable {
  readonly #options: ConnectionPoolOptions;
  /** Idle connections with the timers that close them. The most recently used one is taken first. */
  readonly #idle = new Map<Client, Disposable>();
  readonly #waiting = new Set<Waiter>();
  #open = 0;
  #closing: (() => void) | undefined;

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
  }

  /** Number of connections by state. Connections that are being opened count as in use. */
  get figures(): StoreConnections {
    const idle = this.#idle.size;
    return { most: this.#options.most, used: this.#open - idle, idle, waiting: this.#waiting.size };
  }

  /**
   * Takes a connection, which must be given back. Throws an Error if none is available within 15 s, and the errors of
   * `connect`.
   */
  async take(): Promise<Client> {
    const idle = [...this.#idle.keys()].at(-1);
    if (idle !== undefined) {
      this.#forget(idle);
      return idle;
    }
    return this.#open < this.#options.most ? this.#connect() : this.#wait();
  }

  /** Gives a connection back. A broken one is closed. */
  give(client: Client, broken: boolean): void {
    if (broken || this.#closing !== undefined) this.#end(client);
    else this.#lendOrKeep(client);
  }

  /** Closes idle connections. */
  endIdle(): void {
    for (const client of [...this.#idle.keys()]) {
      this.#forget(client);
      this.#end(client);
    }
  }

  /** Closes the pool. Waits until all connections are given back. */
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

  /** Does not wait for the server to close its side, because it may be unreachable. */
  #end(client: Client): void {
    client.end().catch(() => {});
    this.#closed();
  }

  /** A connection was closed, so that a waiting caller can open another one. */
  #closed(): void {
    this.#open -= 1;
    if (this.#closing !== undefined) {
      if (this.#open === 0) this.#closing();
      return;
    }
    const waiting = this.#nextWaiting();
    if (waiting !== undefined) this.#connect().then(waiting.resolve, waiting.reject);
  }

  #nextWaiting(): Waiter | undefined {
    const [waiting] = this.#waiting;
    if (waiting !== undefined) this.#leave(waiting);
    return waiting;
  }

  #refuse(waiting: Waiter, thrown: Error): void {
    this.#leave(waiting);
    waiting.reject(thrown);
  }

  #leave(waiting: Waiter): void {
    waiting.timer[Symbol.dispose]();
    this.#waiting.delete(waiting);
  }

  /** Removes an idle connection. Returns false if it was not idle. */
  #forget(client: Client): boolean {
    this.#idle.get(client)?.[Symbol.dispose]();
    return this.#idle.delete(client);
  }
}

import type { Clock } from "../../runtime/clock.ts";
import type { Connection } from "./connection.ts";

/** Options of {@link ClientConnections}. */
export interface ClientConnectionsOptions {
  readonly clock: Clock;
  /** Opens a connection for one client. */
  readonly open: () => Promise<Connection>;
}

/** The use of a client's connection by one call, until disposed. */
export interface LeasedConnection extends Disposable {
  readonly connection: Connection;
}

interface Entry {
  readonly connection: Promise<Connection>;
  calls: number;
  idle: Disposable | undefined;
}

/** Time in milliseconds after which an unused connection is closed. */
const IDLE_MS = 10 * 60_000;
/** Maximum number of clients with a connection at the same time. */
const MOST_CLIENTS = 100;

/** A connection for each client of a server, so that none sees the state of another. */
export class ClientConnections implements AsyncDisposable {
  readonly #options: ClientConnectionsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #open = new Set<Connection>();
  #isClosed = false;

  constructor(options: ClientConnectionsOptions) {
    this.#options = options;
  }

  /** The open connections. */
  get open(): readonly Connection[] {
    return [...this.#open];
  }

  /** The client's connection, which is opened if there is none. Rejects if that fails, or if there are too many. */
  async lease(clientId: string): Promise<LeasedConnection> {
    const entry = this.#entries.get(clientId) ?? this.#add(clientId);
    entry.calls += 1;
    entry.idle?.[Symbol.dispose]();
    try {
      const connection = await entry.connection;
      return { connection, [Symbol.dispose]: () => this.#release(clientId, entry) };
    } catch (thrown) {
      this.#release(clientId, entry);
      throw thrown;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(
      entries.map(({ connection }) =>
        connection.then(
          (each) => each.close(),
          () => {},
        ),
      ),
    );
  }

  #add(clientId: string): Entry {
    if (this.#isClosed) throw new Error("the server is stopping");
    if (this.#entries.size >= MOST_CLIENTS) this.#closeIdle();
    const entry: Entry = { connection: this.#options.open(), calls: 0, idle: undefined };
    this.#entries.set(clientId, entry);
    const forget = (): void => {
      if (this.#entries.get(clientId) === entry) this.#entries.delete(clientId);
    };
    entry.connection.then((connection) => {
      this.#open.add(connection);
      void connection.closed.then(() => {
        this.#open.delete(connection);
        forget();
        // Ends what is left of the child's tree.
        return connection.close();
      });
    }, forget);
    return entry;
  }

  #release(clientId: string, entry: Entry): void {
    entry.calls -= 1;
    if (entry.calls > 0) return;
    entry.idle = this.#options.clock.after(IDLE_MS, () => this.#close(clientId, entry));
  }

  /** Makes room for another client. */
  #closeIdle(): void {
    const idle = [...this.#entries].find(([, { calls }]) => calls === 0);
    if (idle === undefined) throw new Error(`${MOST_CLIENTS} clients have calls at the server, which are the most`);
    this.#close(...idle);
  }

  #close(clientId: string, entry: Entry): void {
    if (this.#entries.get(clientId) === entry) this.#entries.delete(clientId);
    void entry.connection.then(
      (connection) => connection.close(),
      () => {},
    );
  }
}

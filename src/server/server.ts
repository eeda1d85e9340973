import { Server, ServerCredentials } from "@grpc/grpc-js";
import { SealwireError } from "../errors.ts";
import type { OperatorService } from "../operator/operator-service.ts";
import type { Toolset } from "../tools/toolset.ts";
import type { AssembledService } from "./assembled-service.ts";
import { interceptCalls } from "./grpc/incoming-calls.ts";
import { parseListenAddress } from "./listen/address.ts";
import { type Listener, listen } from "./listen/listener.ts";
import { type ListeningOptions, type ListenOptions, resolveListening, type ServerOptions } from "./options.ts";
import { assembleService } from "./service.ts";

/** A server of signed tool calls. */
export interface SealwireServer extends AsyncDisposable {
  /**
   * Starts to accept calls at "HOST:PORT", "[IPv6]:PORT" or "unix:PATH". Port 0 selects a free port. Resolves to the
   * address as clients accept it. May be called again for a further address. Throws OPTIONS_INVALID.
   */
  listen(address: string, options?: ListenOptions): Promise<{ readonly address: string }>;
  /** The names of its tools without the system tools, sorted. */
  readonly tools: readonly string[];
  /** True while the health service reports SERVING. */
  readonly serving: boolean;
  /**
   * Sets the health to NOT_SERVING while calls are still accepted, so that clients and load balancers use other servers
   * before {@link drain} refuses calls. Idempotent.
   */
  announceDrain(): void;
  /**
   * Reads the contracts, keys and certificates of the upstreams again, which also happens within seconds of a change, and
   * opens the file of the audit log again if it was moved. Calls in flight are not affected. Files that cannot be used are
   * logged, and the previous ones stay in force.
   */
  reload(): Promise<void>;
  /**
   * Shuts down gracefully: the health becomes NOT_SERVING, watches end with UNAVAILABLE, open calls finish, running
   * jobs are returned to the queue. After `graceMs` (0 to 86,400,000, default 10,000) the remaining calls are stopped.
   * Idempotent.
   */
  drain(graceMs?: number): Promise<void>;
}

const GOODBYE_MS = 1000;

/**
 * Creates a server and starts its worker. The server accepts calls after {@link SealwireServer.listen}. Throws
 * OPTIONS_INVALID naming the invalid option or tool.
 *
 * @example
 * ```ts
 * await using server = await createServer({ keyRing, store, tools: [demoTools()] });
 * const { address } = await server.listen("127.0.0.1:50051");
 * ```
 */
export async function createServer(options: ServerOptions): Promise<SealwireServer> {
  return new RunningServer(await assembleService(options), resolveListening(options));
}

/** The tools in force of a server that {@link createServer} has made. */
export function toolsetOf(server: SealwireServer): Toolset {
  if (server instanceof RunningServer) return server.toolset;
  throw new SealwireError("INTERNAL", "The server was not made by createServer.");
}

/** What operators see and do of a server that {@link createServer} has made. */
export function operatorOf(server: SealwireServer): OperatorService {
  if (server instanceof RunningServer) return server.operator;
  throw new SealwireError("INTERNAL", "The server was not made by createServer.");
}

class RunningServer implements SealwireServer {
  readonly #service: AssembledService;
  readonly #listening: ListeningOptions;
  readonly #server: Server;
  readonly #listeners: Listener[] = [];
  readonly #injector;
  #closed: Promise<void> | undefined;

  constructor(service: AssembledService, listening: ListeningOptions) {
    this.#service = service;
    this.#listening = listening;
    this.#server = new Server({ ...service.serverOptions, interceptors: [service.interceptor] });
    service.addTo(this.#server);
    // The listener accepts, limits and decrypts connections, so grpc-js gets plaintext.
    this.#injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    interceptCalls(this.#server);
  }

  async listen(address: string, { reusePort = false }: ListenOptions = {}): Promise<{ readonly address: string }> {
    const { observers, options } = this.#service;
    const { limits, clock, logger } = options;
    const listener = await listen({
      address: parseListenAddress(address),
      reusePort,
      ...this.#listening,
      connectionsMax: limits.connectionsMax,
      connectionsPerPeerMax: limits.connectionsPerPeerMax,
      handshakeTimeoutMs: limits.handshakeTimeoutMs,
      clock,
      logger,
      onOpen(socket) {
        for (const observer of observers) observer.connectionOpened?.();
        socket.once("close", () => {
          for (const observer of observers) observer.connectionClosed?.();
        });
      },
      onConnection: (socket) => this.#injector.injectConnection(socket),
    });
    this.#listeners.push(listener);
    const addresses = this.#listeners.map((each) => each.address).join(", ");
    await this.#service.options.store.announce({ role: "server", address: addresses });
    return { address: listener.address };
  }

  get toolset(): Toolset {
    return this.#service.toolset;
  }

  get tools(): readonly string[] {
    return this.#service.tools;
  }

  get operator(): OperatorService {
    return this.#service.operator;
  }

  get serving(): boolean {
    return this.#service.serving;
  }

  reload(): Promise<void> {
    return this.#service.reload();
  }

  announceDrain(): void {
    this.#service.announceDrain();
  }

  async drain(graceMs?: number): Promise<void> {
    await this.#service.drain(graceMs);
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // Asks the connections to end after their last answers. grpc-js 1.14 on Node 24 reports the end too early and
    // leaves injected connections open, so the listener waits for them and closes them.
    this.#server.tryShutdown(() => {});
    await Promise.all(this.#listeners.map((listener) => listener.close(GOODBYE_MS)));
    this.#service.endLog();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain(0);
  }
}

import { SealwireClient } from "../client/client.ts";
import type { ClientOptions } from "../client/options.ts";
import { Disposables } from "../runtime/disposables.ts";
import type { ServerOptions } from "../server/options.ts";
import { createServer, type SealwireServer } from "../server/server.ts";
import { addKey, newKeyRing } from "../signing/key-ring/changes.ts";
import { type ClientCredentials, credentialsOf } from "../signing/key-ring/credentials.ts";
import { type MemoryKeyRing, memoryKeyRing } from "../signing/key-ring/memory-key-ring.ts";
import type { KeyLimits, KeyRole } from "../signing/key-ring/types.ts";
import { openSqliteStore } from "../store/sqlite/open.ts";
import type { Store } from "../store/store.ts";

/** One client of a test server. */
export interface TestClient {
  /** Patterns of the tools that the client may call; default: all, none for a client with a role. */
  readonly tools?: readonly string[];
  /** Default: none. */
  readonly role?: KeyRole;
  /** Default: limits that a test does not reach. */
  readonly limits?: Partial<KeyLimits>;
  /** End of its key's validity, Unix milliseconds; default: never. */
  readonly notAfterMs?: number;
}

/** Options of {@link startTestServer}: those of `createServer`, with defaults for tests. */
export interface TestServerOptions extends Partial<Omit<ServerOptions, "keyRing" | "store">> {
  /** Clients by id; default: one client "alice" that may call all tools. */
  readonly clients?: Readonly<Record<string, TestClient>>;
  /** Default: "test-server". */
  readonly serverId?: string;
  /** Default: a free port on loopback. */
  readonly listen?: string;
  /** Default: a store in memory. A given store is not disposed with the server. */
  readonly store?: Store;
}

/**
 * A running server on a loopback socket, with a store in memory and its own key ring. Dispose it at the end of the
 * test.
 */
export interface TestServer extends AsyncDisposable {
  readonly address: string;
  readonly server: SealwireServer;
  readonly store: Store;
  /** Has one key for each client at the start. It may be replaced while the server runs. */
  readonly keyRing: MemoryKeyRing;
  /** The credentials of one of the clients; default: the first. */
  credentials(clientId?: string): ClientCredentials;
  /** A client with these credentials, disposed with the server; default: the first. */
  client(clientId?: string, options?: Partial<Omit<ClientOptions, "credentials">>): SealwireClient;
}

const GENEROUS: KeyLimits = {
  callsPerSecond: 1_000_000,
  burst: 1_000_000,
  callsInFlight: 100_000,
  openJobs: 100_000,
  openWatches: 100_000,
};

/**
 * Starts a server for a test in this process. It behaves like any other server: clients connect to a real socket.
 *
 * @example
 * ```ts
 * await using server = await startTestServer({ tools: [greeter], descriptors });
 * const greeting = await server.client().call("greet", { name: "Ann" });
 * ```
 */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { clients = { alice: {} }, serverId = "test-server", listen = "127.0.0.1:0", ...rest } = options;
  let document = newKeyRing(serverId);
  const keyIds = new Map<string, string>();
  for (const [clientId, { limits = {}, ...key }] of Object.entries(clients)) {
    const { tools = key.role === undefined ? ["*"] : [] } = key;
    const added = addKey(document, { ...key, clientId, tools, limits: { ...GENEROUS, ...limits } });
    document = added.document;
    keyIds.set(clientId, added.keyId);
  }
  const keyRing = memoryKeyRing(document);
  const firstRing = keyRing.current();
  const parts = new Disposables();
  const { store, server, address } = await parts.orNone(async () => {
    const ownStore = rest.store ?? parts.use(await openSqliteStore({ path: ":memory:" }));
    const started = parts.use(await createServer({ tools: [], ...rest, keyRing, store: ownStore }));
    return { store: ownStore, server: started, ...(await started.listen(listen)) };
  });
  const [firstClient = ""] = keyIds.keys();
  const credentials = (clientId = firstClient): ClientCredentials => {
    const key = firstRing.find(keyIds.get(clientId) ?? "");
    if (key === undefined) throw new Error(`the test server has no client ${clientId}`);
    return credentialsOf(key, { serverId, address });
  };
  return {
    address,
    server,
    store,
    keyRing,
    credentials,
    client: (clientId, more = {}) => parts.use(new SealwireClient({ ...more, credentials: credentials(clientId) })),
    [Symbol.asyncDispose]: () => parts[Symbol.asyncDispose](),
  };
}

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRandom } from "../../src/runtime/random.ts";
import type { ServerOptions } from "../../src/server/options.ts";
import { createServer, type SealwireServer } from "../../src/server/server.ts";
import { addKey, newKeyRing } from "../../src/signing/key-ring/changes.ts";
import { type ClientCredentials, credentialsOf } from "../../src/signing/key-ring/credentials.ts";
import { buildKeyRing } from "../../src/signing/key-ring/key-ring.ts";
import type { KeyLimits, KeyRing, KeyRingSource } from "../../src/signing/key-ring/types.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";

/** One client of a test server. */
export interface TestClient {
  readonly tools?: readonly string[];
  readonly limits?: Partial<KeyLimits>;
  readonly notAfterMs?: number;
}

/** What a test may ask of its server; the rest is as a user would have it. */
export interface TestServerOptions extends Partial<Omit<ServerOptions, "keyRing" | "store">> {
  /** By client id; default: one client "alice" that may do everything. */
  readonly clients?: Readonly<Record<string, TestClient>>;
  readonly serverId?: string;
  /** Default: a free port on loopback. */
  readonly listen?: string;
  /** Reuses a store, which is not closed with the server then. */
  readonly store?: Store;
}

/** A real server on a real socket with a real store in a temporary folder. */
export interface TestServer extends AsyncDisposable {
  readonly address: string;
  readonly server: SealwireServer;
  readonly store: Store;
  readonly folder: string;
  readonly ring: KeyRing;
  credentials(clientId?: string): ClientCredentials;
  /** Puts another ring into force, as a changed file would. */
  setRing(change: (ring: KeyRing) => KeyRing): void;
}

const GENEROUS: KeyLimits = {
  callsPerSecond: 1_000_000,
  burst: 1_000_000,
  callsInFlight: 100_000,
  openJobs: 100_000,
  openWatches: 100_000,
};

/** Starts a server with the demo tools; dispose it at the end of the test. */
export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { clients = { alice: {} }, serverId = "test-server", listen = "127.0.0.1:0", ...rest } = options;
  const folder = mkdtempSync(join(tmpdir(), "sealwire-test-"));
  const context = { nowMs: Date.now(), random: systemRandom };
  let document = newKeyRing(serverId, context);
  const keyIds = new Map<string, string>();
  for (const [clientId, { tools = ["*"], limits = {}, notAfterMs }] of Object.entries(clients)) {
    const added = addKey(
      document,
      { clientId, tools, limits: { ...GENEROUS, ...limits }, ...(notAfterMs !== undefined && { notAfterMs }) },
      context,
    );
    document = added.document;
    keyIds.set(clientId, added.keyId);
  }
  const firstRing = buildKeyRing(document);
  const keyRing = new SettableKeyRing(firstRing);
  const store = rest.store ?? (await openSqliteStore({ path: join(folder, "store.db") }));
  const server = await createServer({ tools: [demoTools()], ...rest, keyRing, store });
  const { address } = await server.listen(listen);
  return {
    address,
    server,
    store,
    folder,
    ring: firstRing,
    credentials(clientId = "alice") {
      const key = firstRing.find(keyIds.get(clientId) ?? "");
      if (key === undefined) throw new Error(`the test server has no client ${clientId}`);
      return credentialsOf(key, { serverId, address });
    },
    setRing: (change) => keyRing.set(change(keyRing.current())),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      if (rest.store === undefined) await store[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The ring with one client's keys left out, as after a revocation. */
export function withoutClient(ring: KeyRing, clientId: string): KeyRing {
  const kept = [...ring.keys()].filter((key) => key.clientId !== clientId);
  return {
    serverId: ring.serverId,
    find: (keyId) => kept.find((key) => key.keyId === keyId),
    keys: () => kept,
  };
}

class SettableKeyRing implements KeyRingSource {
  readonly #listeners = new Set<(ring: KeyRing) => void>();
  #ring: KeyRing;

  constructor(ring: KeyRing) {
    this.#ring = ring;
  }

  current(): KeyRing {
    return this.#ring;
  }

  set(ring: KeyRing): void {
    this.#ring = ring;
    for (const listener of this.#listeners) listener(ring);
  }

  onChange(listener: (ring: KeyRing) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
  }
}

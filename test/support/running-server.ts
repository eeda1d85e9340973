import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KeyRingDocument } from "../../src/signing/key-ring/document.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import {
  startTestServer,
  type TestServerOptions,
  type TestServer as UnstoredServer,
} from "../../src/testing/test-server.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";

export type { TestServerOptions };

/** A test server whose store is a file. */
export interface TestServer extends UnstoredServer {
  /** The folder that contains the store, `store.db`. */
  readonly folder: string;
}

/** Starts a server with the demo tools and a store in a temporary folder; dispose it at the end of the test. */
export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-test-"));
  const store = options.store ?? (await openSqliteStore({ path: join(folder, "store.db") }));
  const server = await startTestServer({ tools: [demoTools()], ...options, store });
  return {
    ...server,
    folder,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      if (options.store === undefined) await store[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Removes a client's keys from the ring of a running server. */
export function removeClient({ keyRing }: Pick<TestServer, "keyRing">, clientId: string): void {
  keyRing.replace(without(keyRing.document, clientId));
}

function without(document: KeyRingDocument, clientId: string): KeyRingDocument {
  return { ...document, keys: document.keys.filter((key) => key.clientId !== clientId) };
}

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { AuditFeed } from "../../src/audit/audit-feed.ts";
import { SealwireClient } from "../../src/client/client.ts";
import { openConsole } from "../../src/console/console.ts";
import type { ConsolePrincipal } from "../../src/console/principals.ts";
import { consoleRoutes } from "../../src/console/routes.ts";
import { SealwireError } from "../../src/errors.ts";
import { createOperator } from "../../src/operator/operator-service.ts";
import { systemClock as clock } from "../../src/runtime/clock.ts";
import { Disposables } from "../../src/runtime/disposables.ts";
import { type Logger, silentLogger } from "../../src/runtime/logger.ts";
import { systemRandom as random } from "../../src/runtime/random.ts";
import { VERSION } from "../../src/runtime/version.ts";
import { CallWindow } from "../../src/server/metrics/call-window.ts";
import { createServer, type SealwireServer, toolsetOf } from "../../src/server/server.ts";
import { addKey, newKeyRing } from "../../src/signing/key-ring/changes.ts";
import { credentialsOf } from "../../src/signing/key-ring/credentials.ts";
import { watchKeyRing } from "../../src/signing/key-ring/file-key-ring.ts";
import { createRingFile } from "../../src/signing/key-ring/ring-file.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";
import { PROTOCOL_VERSION } from "../../src/wire/limits.ts";
import { testService } from "../support/test-service.ts";

/** A server with the console, as `serve --console` has them. */
export interface OperatedConsole extends AsyncDisposable {
  readonly origin: string;
  readonly server: SealwireServer;
  readonly store: Store;
  /** The one-time URL that is offered now. */
  readonly url: string;
  /** Ids of the clients' keys, by client. */
  readonly keyIds: Readonly<Record<string, string>>;
  client(clientId: string): SealwireClient;
}

/** Options of {@link startOperatedConsole}. */
export interface OperatedConsoleOptions {
  readonly readOnly?: boolean;
  readonly principals?: readonly ConsolePrincipal[];
  readonly clients?: readonly string[];
  readonly audit?: AuditFeed;
  readonly work?: false;
  readonly logger?: Logger;
  /** As `serve --operator-payloads`. */
  readonly payloads?: boolean;
  /** Default: a store of its own on SQLite. It is not closed with the console. */
  readonly store?: Store;
}

/** Tools like those of a shop: a call, and jobs that succeed, that fail and that go on. */
export function shopTools(): ReturnType<typeof testService> {
  return testService({
    QuotePrice: { idempotent: true, run: (numbers) => numbers.reduce((sum, each) => sum + each, 0) },
    ReserveStock: {
      run: ([number = 0]) => {
        if (number < 0) throw new SealwireError("TOOL_FAILED", "The warehouse has none of this article.");
        return number;
      },
    },
    RenderInvoice: {
      job: { maxAttempts: 3, initialBackoff: { seconds: 0n, nanos: 50_000_000 } as never },
      run: async ([number = 0], { attempt, progress }) => {
        progress(1, 3, "reading the order");
        if (number > 0 && attempt <= number) throw new Error("The printer is out of paper.");
        progress(3, 3, "written");
        return number;
      },
    },
    PackBoxes: {
      job: {},
      run: async (_numbers, { signal, progress }) => {
        for (let packed = 1; !signal.aborted; packed += 1) {
          progress(packed, 100_000, "boxes");
          await setTimeout(50, undefined, { signal });
        }
        return 0;
      },
    },
    ExportOrders: {
      job: {},
      run: (_numbers, { signal, progress }) =>
        new Promise((_resolve, reject) => {
          progress(1_240, 5_000, "orders of November");
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    },
  });
}

/** Starts a server with a store and a key ring in a folder of its own, and its console. */
export async function startOperatedConsole(options: OperatedConsoleOptions = {}): Promise<OperatedConsole> {
  const { clients = ["shop"], readOnly = false, principals = [], audit, work, logger = silentLogger } = options;
  const { payloads = false } = options;
  const folder = mkdtempSync(join(tmpdir(), "sealwire-console-"));
  const parts = new Disposables();
  parts.use({ [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }) });
  return parts.orNone(async () => {
    let document = newKeyRing("shop-server");
    const keyIds: Record<string, string> = {};
    for (const clientId of clients) {
      const added = addKey(document, { clientId, tools: ["*"], limits: { callsPerSecond: 10_000, burst: 10_000 } });
      document = added.document;
      keyIds[clientId] = added.keyId;
    }
    const ringPath = join(folder, "key-ring.json");
    await createRingFile(ringPath, document);
    const keyRing = parts.use(await watchKeyRing({ path: ringPath }));
    const store = options.store ?? parts.use(await openSqliteStore({ path: join(folder, "store.db") }));
    const stats = new CallWindow(clock);
    const used = new Map<string, number>();
    const shop = shopTools();
    const server = parts.use(
      await createServer({
        ...{ keyRing, store, clock, logger, observers: [stats] },
        tools: [demoTools(), shop.tools],
        descriptors: [shop.descriptors],
        onKeyUsed: (keyId) => void used.set(keyId, clock.nowMs()),
        ...(work === false && { work }),
      }),
    );
    const { address } = await server.listen("127.0.0.1:0");
    const startedAtMs = clock.nowMs();
    const operator = createOperator({
      ...{ store, keyRing, stats, audit, clock, logger },
      keyUse: () => used,
      instance: { id: "shop-1", version: VERSION, startedAtMs },
      payloads,
      argsTypeOf: (tool) => toolsetOf(server).catalogue.jobTool(tool)?.inputTypeUrl,
    });
    const facts = {
      ...{ version: VERSION, protocol: PROTOCOL_VERSION, node: process.version, platform: "linux", address },
      ...{ startedAtMs, store: "SQLite", concurrency: 16, readOnly },
    };
    const serverId = (): string => keyRing.current().serverId;
    const routes = consoleRoutes({ facts, serverId, operator, clock, toolset: () => toolsetOf(server) });
    let url = "";
    const onUrl = (next: string): void => {
      url = next;
    };
    const listen = "127.0.0.1:0";
    const console = parts.use(
      await openConsole({ listen, readOnly, principals, onUrl, routes, clock, random, logger }),
    );
    return {
      ...{ origin: console.origin, server, store, keyIds },
      get url() {
        return url;
      },
      client(clientId) {
        const key = keyRing.current().find(keyIds[clientId] ?? "");
        if (key === undefined) throw new Error(`there is no client ${clientId}`);
        return parts.use(new SealwireClient({ credentials: credentialsOf(key, { serverId: serverId(), address }) }));
      },
      [Symbol.asyncDispose]: () => parts[Symbol.asyncDispose](),
    };
  });
}

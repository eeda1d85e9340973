import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveHttp } from "../../../src/mcp/bridge/http/serve-http.ts";
import { tokenDigest } from "../../../src/mcp/bridge/http/token-file.ts";
import type { McpServerOptions } from "../../../src/mcp/servers/options.ts";
import { openMcpServers } from "../../../src/mcp/servers/servers.ts";
import { startServer, type TestServerOptions } from "../../support/running-server.ts";
import { startTokenRelay } from "./token-relay.ts";

const TOKEN = "an-invented-token-for-these-tests-alone";

/** A bridge over HTTP in front of a server of Sealwire. */
export interface Bridged extends AsyncDisposable {
  /** The endpoint, which wants {@link Bridged.token}. */
  readonly endpoint: string;
  readonly token: string;
  /** The same for programs that cannot send a token. */
  readonly url: string;
}

/** Options of {@link startBridged}: those of the server, and MCP servers whose tools it offers besides. */
export interface BridgedOptions extends TestServerOptions {
  readonly mcpServers?: readonly McpServerOptions[];
}

/** Starts a server and a bridge in front of it, in this process; dispose it at the end. */
export async function startBridged({ mcpServers = [], ...options }: BridgedOptions): Promise<Bridged> {
  await using parts = new AsyncDisposableStack();
  const { sources } = parts.use(await openMcpServers({ servers: mcpServers }));
  const server = parts.use(await startServer({ ...options, sources }));
  const credentials = server.credentials();
  const principal = {
    name: "host",
    digest: tokenDigest(TOKEN),
    client: server.client(),
    credentials: { current: () => credentials, renew: async () => false },
  };
  const bridge = parts.use(await serveHttp({ listen: "127.0.0.1:0", principals: [principal] }));
  const relay = parts.use(await startTokenRelay(bridge.url, TOKEN));
  const kept = parts.move();
  return {
    endpoint: bridge.url,
    token: TOKEN,
    url: relay.url,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** The options of an MCP server that runs a module beside this one as its child. */
export function ownMcpServer(name: string, module: string, more: Partial<McpServerOptions> = {}): McpServerOptions {
  const command = [process.execPath, join(import.meta.dirname, module)];
  return { name, command, env: { PATH: process.env.PATH ?? "" }, ...more };
}

/** A folder that is removed when it is disposed. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "sealwire-mcp-interop-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

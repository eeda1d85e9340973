import { type Clock, systemClock } from "../../runtime/clock.ts";
import { type Logger, silentLogger } from "../../runtime/logger.ts";
import type { ToolSource } from "../../tools/tool-source.ts";
import { SchemaCompiler } from "./args-schema.ts";
import { McpServer } from "./mcp-server.ts";
import { type McpServerOptions, resolveMcpServers } from "./options.ts";
import { loadAjv, loadClientPackage } from "./packages.ts";
import { PinnedTools } from "./pinned-tools.ts";

/** Options of {@link openMcpServers}. */
export interface OpenMcpServersOptions {
  readonly servers: readonly McpServerOptions[];
  /**
   * Path of a file that keeps the accepted definitions: a tool that differs after a restart is withheld until its entry is
   * removed. Created if missing. Default: each start accepts what a server lists.
   */
  readonly pinPath?: string;
  readonly logger?: Logger;
  readonly clock?: Clock;
}

/** Running MCP servers. Disposing them ends their processes; dispose the server that offers their tools first. */
export interface McpServers extends AsyncDisposable {
  /** For `sources` of `createServer`, `createService` and `createWorker`. */
  readonly sources: readonly ToolSource[];
  /** The process ids of the children that run. */
  readonly pids: readonly number[];
}

/**
 * Starts MCP servers, or connects to them, and reads their tools. A server that does not start in time is tried again in
 * the background, and its tools follow. Throws OPTIONS_INVALID naming the server and the option, or for a missing package.
 *
 * @example
 * ```ts
 * await using mcp = await openMcpServers({ servers: [{ name: "files", command: ["files-server", "/data"] }] });
 * await using server = await createServer({ keyRing, store, tools: [], sources: mcp.sources });
 * ```
 */
export async function openMcpServers(options: OpenMcpServersOptions): Promise<McpServers> {
  const { logger = silentLogger, clock = systemClock } = options;
  const resolved = resolveMcpServers(options.servers);
  const running: McpServer[] = [];
  if (resolved.length > 0) {
    const [sdk, ajv] = await Promise.all([loadClientPackage(), loadAjv()]);
    const compiler = new SchemaCompiler(ajv);
    const pins = options.pinPath === undefined ? undefined : await PinnedTools.open(options.pinPath);
    for (const server of resolved) running.push(new McpServer({ server, sdk, compiler, pins, clock, logger }));
    try {
      await Promise.all(running.map((server) => server.started()));
    } catch (thrown) {
      await end(running);
      throw thrown;
    }
  }
  return {
    sources: running,
    get pids() {
      return running.flatMap(({ pids }) => pids);
    },
    [Symbol.asyncDispose]: () => end(running),
  };
}

async function end(running: readonly McpServer[]): Promise<void> {
  await Promise.all(running.map((server) => server[Symbol.asyncDispose]()));
}

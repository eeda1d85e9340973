import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tool } from "@modelcontextprotocol/server";
import type { McpServerOptions } from "../../../src/mcp/servers/options.ts";
import { type McpServers, openMcpServers } from "../../../src/mcp/servers/servers.ts";
import type { Logger } from "../../../src/runtime/logger.ts";
import { startServer, type TestServer, type TestServerOptions } from "../../support/running-server.ts";

/** The command of the fixture. */
export const FIXTURE = join(import.meta.dirname, "fixture-process.ts");

/** A server of Sealwire with the tools of MCP servers, a folder of the fixture, and the log. */
export interface McpFixture extends AsyncDisposable {
  readonly folder: string;
  readonly mcp: McpServers;
  readonly server: TestServer;
  /** The log so far, one JSON object per line. */
  readonly log: () => string;
  /** The lines of a file that the fixture writes. */
  readonly lines: (file: "calls.log" | "starts.log") => readonly string[];
  /** Replaces tools of the fixture by name, or adds them, from its next list on. */
  readonly relist: (...tools: Tool[]) => void;
}

/** Options of {@link startFixture}. */
export interface McpFixtureOptions {
  /** Further options of the server "files". */
  readonly files?: Partial<McpServerOptions>;
  /** Servers beside it. */
  readonly others?: readonly McpServerOptions[];
  readonly server?: TestServerOptions;
  readonly tools?: readonly Tool[];
  /** Keeps the accepted definitions in this file. */
  readonly pinPath?: string;
}

/** The options of an MCP server that runs the fixture. */
export function fixtureOptions(folder: string, options: Partial<McpServerOptions> = {}): McpServerOptions {
  return {
    name: "files",
    command: [process.execPath, FIXTURE, folder],
    env: { PATH: process.env.PATH ?? "" },
    ...options,
  };
}

/** Starts the fixture and a server that offers its tools. */
export async function startFixture(options: McpFixtureOptions = {}): Promise<McpFixture> {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-mcp-"));
  const relist = (...tools: Tool[]): void => writeFileSync(join(folder, "tools.json"), JSON.stringify(tools));
  if (options.tools !== undefined) relist(...options.tools);
  const { logger, text } = recordingLogger();
  await using parts = new AsyncDisposableStack();
  parts.defer(() => rmSync(folder, { recursive: true, force: true }));
  const servers = [fixtureOptions(folder, options.files), ...(options.others ?? [])];
  const mcp = parts.use(
    await openMcpServers({ servers, logger, ...(options.pinPath && { pinPath: options.pinPath }) }),
  );
  const server = parts.use(await startServer({ tools: [], sources: mcp.sources, logger, ...options.server }));
  const kept = parts.move();
  return {
    folder,
    mcp,
    server,
    log: text,
    lines: (file) => {
      try {
        return readFileSync(join(folder, file), "utf8").split("\n").slice(0, -1);
      } catch {
        return [];
      }
    },
    relist,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** A logger whose lines can be read. */
export function recordingLogger(): { readonly logger: Logger; readonly text: () => string } {
  const lines: string[] = [];
  const make = (bindings: object): Logger => {
    const write = (level: string) => (fields: object, message?: string) => {
      lines.push(JSON.stringify({ level, ...bindings, ...fields, message }));
    };
    return {
      debug: write("debug"),
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
      child: (more) => make({ ...bindings, ...more }),
    };
  };
  return { logger: make({}), text: () => lines.join("\n") };
}

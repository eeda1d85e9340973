import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type CallToolResult, Client, StreamableHTTPClientTransport, type Tool } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { ROOT } from "../../architecture/source-files.ts";

/** A client of the SDK, as hosts have one. It declares no capabilities. */
export interface Host extends AsyncDisposable {
  readonly tools: readonly Tool[];
  /** Calls a tool, with progress reported to `onProgress`. */
  call(name: string, args: Record<string, unknown>, onProgress?: (completed: number) => void): Promise<CallToolResult>;
}

const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { readonly version: string };
const PATIENCE_MS = 60_000;

/** The protocol of a host: "legacy" with a handshake, or a revision without. */
export type HostProtocol = "legacy" | "2026-07-28";

/** Connects to an endpoint over HTTP. */
export async function httpHost(endpoint: string, token: string, protocol: HostProtocol): Promise<Host> {
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  return await connect(new StreamableHTTPClientTransport(new URL(endpoint), { requestInit }), protocol);
}

/** Starts a server as a child in a folder and connects to it over stdio. */
export async function stdioHost(command: readonly string[], cwd: string, protocol: HostProtocol): Promise<Host> {
  const [program = "", ...args] = command;
  return await connect(new StdioClientTransport({ command: program, args, stderr: "ignore", cwd }), protocol);
}

async function connect(transport: Parameters<Client["connect"]>[0], protocol: HostProtocol): Promise<Host> {
  const mode = protocol === "legacy" ? protocol : { pin: protocol };
  const client = new Client({ name: "sealwire-tests", version }, { versionNegotiation: { mode } });
  await client.connect(transport);
  const { tools } = await client.listTools();
  return {
    tools,
    call: (name, args, onProgress) =>
      client.callTool(
        { name, arguments: args },
        { timeout: PATIENCE_MS, ...(onProgress && { onprogress: ({ progress }) => onProgress(progress) }) },
      ) as Promise<CallToolResult>,
    [Symbol.asyncDispose]: () => client.close(),
  };
}

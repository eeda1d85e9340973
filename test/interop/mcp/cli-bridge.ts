import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CliProcess, CliServer, sealwire } from "../../cli/cli-process.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { startTokenRelay } from "./token-relay.ts";

const TOKEN = "an-invented-token-for-these-tests-alone";

/** `sealwire serve` and `sealwire mcp --listen`, as users run them. */
export interface CliBridge extends AsyncDisposable {
  /** The folder of both. */
  readonly folder: string;
  /** The credentials that the bridge signs with. */
  readonly credentials: string;
  /** The endpoint, which wants {@link CliBridge.token}. */
  readonly endpoint: string;
  readonly token: string;
  /** The same for programs that cannot send a token. */
  readonly url: string;
}

/** Starts both; dispose it at the end. `serveArgs` are for the server, such as `--tools`. */
export async function startCliBridge(serveArgs: readonly string[]): Promise<CliBridge> {
  await using parts = new AsyncDisposableStack();
  const { path: folder } = parts.use(await temporaryFolder());
  const server = parts.use(await CliServer.start(folder, "--dev", ...serveArgs));
  const credentials = join(folder, "host.json");
  await addClient(server, credentials);
  const tokenFile = join(folder, "tokens");
  await writeFile(tokenFile, `host ${TOKEN} ${credentials}\n`);
  await chmod(tokenFile, 0o600);
  const args = ["mcp", "--listen", "127.0.0.1:0", "--token-file", tokenFile];
  const bridge = parts.use(new CliProcess(args, { cwd: folder }));
  await bridge.until("the bridge", () => bridge.stdout.includes("\n"));
  const { listening: endpoint } = JSON.parse(bridge.stdout) as { readonly listening: string };
  const { url } = parts.use(await startTokenRelay(endpoint, TOKEN));
  const kept = parts.move();
  return {
    folder,
    credentials,
    endpoint,
    token: TOKEN,
    url,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** The text after `--mcp-server` for a module beside this one. */
export function ownMcpServer(name: string, module: string): string {
  return mcpServer(name, process.execPath, join(import.meta.dirname, module));
}

/** The text after `--mcp-server` for a command. */
export function mcpServer(name: string, ...command: readonly string[]): string {
  return `${name}=${command.map((part) => `'${part}'`).join(" ")}`;
}

async function addClient(server: CliServer, credentials: string): Promise<void> {
  const address = server.ready.listening;
  const limits = ["--calls-per-second", "--burst"].flatMap((option) => [option, "1000000"]);
  const args = ["keys", "add", "host", "--tools", "*", ...limits, "--address", address, "--out", credentials];
  const { code, stderr } = await sealwire(args, { cwd: server.folder });
  if (code !== 0) throw new Error(`sealwire ${args.join(" ")}: ${stderr}`);
  server.process.child.kill("SIGHUP");
  await server.process.until("the new key", () => server.process.stderr.includes("key ring reloaded"));
}

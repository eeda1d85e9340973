import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const MAIN = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");
const NOTES = join(import.meta.dirname, "notes-server.ts");

const PATIENCE_MS = 5_000;

/** A server in its own process. */
export interface RunningServer {
  stop(): Promise<void>;
}

/** What a tool answered. */
export interface HostAnswer {
  readonly text: string;
  readonly isError: boolean;
  /** Number of progress reports. */
  readonly progress: number;
}

/** A host of MCP with `sealwire mcp` as its server. */
export interface Host extends AsyncDisposable {
  toolNames(): Promise<string[]>;
  call(name: string, args: Record<string, unknown>): Promise<HostAnswer>;
  /** What the bridge says on stderr of definitions that have changed: lines that begin with "- " or "+ ". */
  differences(): Promise<string[]>;
}

/** Starts `sealwire serve --dev` in a folder, with the MCP server of the notes, and waits until it is ready. */
export async function startServer(folder: string, description: string): Promise<RunningServer> {
  const args = ["serve", "--dev", "--data", folder, "--listen", "127.0.0.1:0"];
  const notes = ["--mcp-server", `notes=${process.execPath} ${NOTES}`, "--mcp-env", "notes:NOTES_DESCRIPTION"];
  const child = spawn(process.execPath, [MAIN, ...args, ...notes], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NOTES_DESCRIPTION: description },
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const ready = new Promise<string>((resolve) => createInterface({ input: child.stdout }).once("line", resolve));
  const line = await Promise.race([ready, exited]);
  if (typeof line !== "string") throw new Error(`The server ended with ${line} before it was ready:\n${log}`);
  return {
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

/** Starts `sealwire mcp` as a host does, and connects to it. */
export async function startHost(folder: string): Promise<Host> {
  const access = ["--credentials", join(folder, "client.json"), "--pin", join(folder, "pins.json")];
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [MAIN, "mcp", ...access],
    stderr: "pipe",
  });
  let log = "";
  transport.stderr?.on("data", (text: Buffer) => {
    log += text.toString();
  });
  const client = new Client({ name: "demo-host", version: "1.0.0" });
  await client.connect(transport);
  return {
    async toolNames() {
      return (await client.listTools()).tools.map(({ name }) => name);
    },
    async call(name, args) {
      let progress = 0;
      const onprogress = (): void => {
        progress += 1;
      };
      const { content, isError } = await client.callTool({ name, arguments: args }, { onprogress });
      const text = content.map((block) => (block.type === "text" ? block.text : `(${block.type})`)).join("\n");
      return { text, isError: isError === true, progress };
    },
    async differences() {
      // The list may be answered before the line on stderr is read.
      for (let waitedMs = 0; !log.includes('"difference"') && waitedMs < PATIENCE_MS; waitedMs += 20) await delay(20);
      return log
        .split("\n")
        .filter((line) => line.includes('"difference"'))
        .flatMap((line) => String(JSON.parse(line).difference).split("\n"));
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A server in its own process, with temporary data. */
export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  /** Listening address, for example "127.0.0.1:41873". */
  readonly address: string;
  /** Path of the credentials of its first client. */
  readonly credentials: string;
}

const MAIN = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");

/** Starts `sealwire serve --dev` on a free port and waits until it is ready. */
export async function startServer(): Promise<ServerProcess> {
  const folder = await mkdtemp(join(tmpdir(), "sealwire-demo-"));
  const child = spawn(process.execPath, [MAIN, "serve", "--dev", "--data", folder, "--listen", "127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  const ready = new Promise<string>((resolve) => createInterface({ input: child.stdout }).once("line", resolve));
  const line = await Promise.race([ready, exited]);
  if (typeof line !== "string") {
    await stop();
    throw new Error(`The server ended with ${line} before it was ready:\n${log}`);
  }
  const { listening } = JSON.parse(line);
  return {
    pid: child.pid ?? 0,
    address: listening,
    credentials: join(folder, "client.json"),
    [Symbol.asyncDispose]: stop,
  };
}

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Readable } from "node:stream";
import { QUICK_START } from "../support/quick-start.ts";
import type { Ended } from "./cli-run.ts";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");
const PATIENCE_MS = 30_000;

/** How to start a command. */
export interface StartOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Text or bytes; or a stream, with whose end stdin ends. */
  readonly stdin?: string | Uint8Array | Readable;
  /** Default: the Node that runs the test. */
  readonly node?: string;
  /** Default: the sources' own. */
  readonly main?: string;
}

/** A command that runs as its own process. */
export class CliProcess implements AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";

  constructor(args: readonly string[], options: StartOptions) {
    const { cwd, env = {}, stdin = "", node = process.execPath, main = MAIN } = options;
    const { PATH, HOME, NODE_V8_COVERAGE } = process.env;
    const base = { PATH, HOME, ...QUICK_START, ...(NODE_V8_COVERAGE && { NODE_V8_COVERAGE }) };
    this.child = spawn(node, [main, ...args], { cwd, env: { ...base, ...env } });
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.child.stdin.on("error", () => {});
    if (stdin instanceof Readable) stdin.pipe(this.child.stdin);
    else this.child.stdin.end(stdin);
    this.ended = once(this.child, "close").then(([code]) => ({ code, stdout: this.stdout, stderr: this.stderr }));
  }

  /** Resolves once the output so far fulfils the condition. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const giveUpAt = Date.now() + PATIENCE_MS;
    while (!condition()) {
      if (Date.now() > giveUpAt || this.child.exitCode !== null) {
        throw new Error(`waited in vain for ${what}; stdout: ${this.stdout} stderr: ${this.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGKILL");
    await this.ended;
  }
}

/** Runs a command to its end. */
export async function sealwire(args: readonly string[], options: StartOptions): Promise<Ended> {
  await using cli = new CliProcess(args, options);
  return await cli.ended;
}

/** A server on a free port, in a folder of its own. */
export class CliServer implements AsyncDisposable {
  readonly folder: string;
  readonly process: CliProcess;

  private constructor(folder: string, process: CliProcess) {
    this.folder = folder;
    this.process = process;
  }

  /** Starts `serve` in a folder and waits for its line. */
  static async start(
    place: string | (Pick<StartOptions, "env"> & { readonly folder: string }),
    ...args: readonly string[]
  ): Promise<CliServer> {
    const { folder, ...options } = typeof place === "string" ? { folder: place } : place;
    const server = new CliServer(
      folder,
      new CliProcess(["serve", "--listen", "127.0.0.1:0", ...args], { cwd: folder, ...options }),
    );
    await server.process.until("the server", () => server.process.stdout.includes("\n"));
    return server;
  }

  /** What it printed when it was ready. */
  get ready(): { readonly listening: string; readonly server_id: string; readonly metrics?: string } {
    return JSON.parse(this.process.stdout.split("\n")[0] ?? "") as ReturnType<() => CliServer["ready"]>;
  }

  /** Runs a client command in the server's folder. */
  run(...args: readonly string[]): Promise<Ended> {
    return sealwire(args, { cwd: this.folder });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}

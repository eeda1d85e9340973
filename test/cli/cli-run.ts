import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pc from "picocolors";
import type { Terminal } from "../../src/cli/output/terminal.ts";
import { runCli } from "../../src/cli/run-cli.ts";

/** What a command came to. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a command. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** Columns of the screen that data goes to. Default: it goes to none. */
  readonly dataColumns?: number;
}

/** A terminal that keeps what is written. */
export class RecordingTerminal implements Terminal {
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly typed = false;
  readonly drawable: boolean = false;
  readonly columns = 80;
  readonly dataColumns: number | undefined;
  readonly colors = pc.createColors(false);
  readonly dataColors = pc.createColors(false);
  stdout = "";
  stderr = "";

  constructor({ env = {}, stdin = "", dataColumns }: RunOptions = {}) {
    this.env = env;
    this.dataColumns = dataColumns;
    this.stdin = (async function* () {
      yield Buffer.from(stdin);
    })();
  }

  print(line: string): void {
    this.stdout += `${line}\n`;
  }

  write(bytes: Uint8Array): void {
    this.stdout += Buffer.from(bytes).toString("latin1");
  }

  say(line: string): void {
    this.stderr += `${line}\n`;
  }

  draw(text: string): void {
    this.stderr += text;
  }

  outliveReaders(): void {}

  async flushed(): Promise<void> {}
}

/** Runs a command to its end, in this process and its current folder. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const terminal = new RecordingTerminal(options);
  const code = await runCli(terminal, args);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

/** Runs `body` with an empty folder of its own as the current one. */
export async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "sealwire-cli-"));
  const before = process.cwd();
  process.chdir(folder);
  try {
    await body(folder);
  } finally {
    process.chdir(before);
    await rm(folder, { recursive: true });
  }
}

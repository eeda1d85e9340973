import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";

/** User id of `nobody`. PostgreSQL refuses to run as root. */
export const NOBODY = 65534;

/** Options of a {@link Daemon}. */
export interface DaemonOptions {
  /** Its working folder. */
  readonly folder: string;
  /** The file to which its output is appended. */
  readonly log: string;
  readonly command: readonly string[];
}

/** A program that runs until it is stopped or killed, and can be started again. If this process is root, it runs as nobody. */
export class Daemon implements AsyncDisposable {
  readonly #options: DaemonOptions;
  #child: ChildProcess | undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  /** Its process id; `undefined` while it does not run. */
  get pid(): number | undefined {
    const child = this.#child;
    return child?.exitCode === null && child.signalCode === null ? child.pid : undefined;
  }

  /** Starts the program. Does not wait until it is ready. */
  start(): void {
    const { folder, log, command } = this.#options;
    const [program = "", ...args] = command;
    const output = openSync(log, "a");
    this.#child = spawn(program, args, {
      cwd: folder,
      stdio: ["ignore", output, output],
      ...(process.getuid?.() === 0 && { uid: NOBODY, gid: NOBODY }),
    });
    closeSync(output);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Kills the program and waits for its end. */
  async kill(): Promise<void> {
    if (this.pid === undefined) return;
    const ended = once(this.#child as ChildProcess, "exit");
    this.signal("SIGKILL");
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

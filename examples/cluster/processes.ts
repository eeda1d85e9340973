import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

const MAIN = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");

/** The working folder and store of a cluster's commands. */
export interface Place {
  readonly folder: string;
  /** URL of the shared store. It is passed in the environment, which process lists do not show. */
  readonly store: string;
}

/** Runs a sealwire command and waits for its end. */
export async function sealwire(place: Place, ...args: readonly string[]): Promise<void> {
  const child = launch(place, args, "inherit");
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`sealwire ${args[0]} ${args[1]} ended with ${code}`);
}

/** A server or worker that can be killed and restarted with the same options. */
export class Replica implements AsyncDisposable {
  readonly #place: Place;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  constructor(place: Place, ...args: readonly string[]) {
    this.#place = place;
    this.#args = args;
  }

  /** Starts the process and waits until it is ready. */
  async start(): Promise<void> {
    const child = launch(this.#place, this.#args, "ignore");
    this.#child = child;
    if (child.stdout === null) throw new Error("the process has no output");
    const ready = once(createInterface({ input: child.stdout }), "line");
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`sealwire ${this.#args[0]} ended with ${code} before it was ready`);
    });
    await Promise.race([ready, ended]);
    ended.catch(() => {});
  }

  /** Kills the process. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

function launch({ folder, store }: Place, args: readonly string[], stderr: "inherit" | "ignore"): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    env: { ...process.env, SEALWIRE_STORE: store },
    stdio: ["ignore", "pipe", stderr],
  });
}

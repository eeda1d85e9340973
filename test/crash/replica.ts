import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { VictimLog } from "./victim-log.ts";
import type { ClockSetting, Orders } from "./victim-process.ts";

const ROOT = join(import.meta.dirname, "../..");
const MAIN = join(ROOT, "src/cli/main.ts");
/** The tools module of the victims, which also installs their failpoints. */
export const VICTIM_TOOLS = join(import.meta.dirname, "victim-process.ts");

/** The end of a process. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The readable part of its log. */
  readonly stderr: string;
}

/** Options of a {@link Replica}. */
export interface ReplicaOptions {
  readonly nodeOptions?: readonly string[];
  /** Variables of its environment, besides those that every replica has. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: its log is read. */
  readonly log?: VictimLog;
}

/** One process of the command line, which tests freeze, disconnect or kill. */
export class Replica {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  #stdout = "";
  #ready = false;
  #stderr = "";

  constructor(command: readonly string[], orders: Orders, { nodeOptions = [], env = {}, log }: ReplicaOptions = {}) {
    this.#child = spawn(process.execPath, [...nodeOptions, MAIN, ...command], {
      stdio: ["ignore", "pipe", log?.stdio ?? "pipe", "ipc"],
      env: {
        ...env,
        PATH: process.env.PATH,
        CRASH_ORDERS: JSON.stringify(orders),
        NODE_COMPILE_CACHE: join(ROOT, "node_modules/.cache/compiled"),
      },
    });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
    });
    if (log?.target !== "unread")
      this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        this.#stderr += text;
      });
    this.ended = once(this.#child, "exit").then(([code, signal]) => {
      const stderr = this.#stderr + (log?.tail() ?? "");
      log?.[Symbol.dispose]();
      if (log?.target === "unread") this.#child.stderr?.destroy();
      return { code, signal, stderr };
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** True if {@link ready} has seen it ready. */
  get wasReady(): boolean {
    return this.#ready;
  }

  /** Resolves to the port when the process listens; `undefined` for a worker and for a process that ended before. */
  async ready(): Promise<number | undefined> {
    let over = false;
    void this.ended.then(() => {
      over = true;
    });
    while (!over && !this.#stdout.includes("\n")) {
      await Promise.race([this.ended, once(this.#child.stdout as NodeJS.EventEmitter, "data")]);
    }
    if (!this.#stdout.includes("\n")) return undefined;
    this.#ready = true;
    const { listening } = JSON.parse(this.#stdout.split("\n")[0] ?? "") as { listening?: string };
    return listening === undefined ? undefined : Number(listening.split(":")[1]);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  setClock(setting: ClockSetting): void {
    if (this.#child.connected) this.#child.send(setting, () => {});
  }
}

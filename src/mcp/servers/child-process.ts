import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { Clock } from "../../runtime/clock.ts";
import { holdProcess } from "../../runtime/hold-process.ts";
import type { McpEndpoint } from "./options.ts";

/** How a child ended. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Time between the end of a child's input and SIGTERM, and between SIGTERM and SIGKILL, in milliseconds. */
const GRACE_MS = 2_000;
/** Interval at which the end of a process group is looked for, in milliseconds. */
const LOOK_MS = 20;

const groups = new Set<number>();
let listening = false;

/** A program with its own process group. Its whole tree is ended with it. */
export class GroupedChild {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Resolves when the program has ended, but maybe not its own children. */
  readonly exited: Promise<ChildEnd>;
  readonly #clock: Clock;
  #ended: Promise<void> | undefined;

  private constructor(child: ChildProcessByStdio<Writable, Readable, Readable>, clock: Clock) {
    this.child = child;
    this.#clock = clock;
    this.exited = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
    child.stdin.on("error", () => {});
    if (child.pid !== undefined) follow(child.pid);
  }

  /** Starts the program. Rejects with Node's error if it cannot be started. */
  static async start(endpoint: Extract<McpEndpoint, { kind: "child" }>, clock: Clock): Promise<GroupedChild> {
    const { program, args, cwd, env } = endpoint;
    const child = spawn(program, args, { cwd, env: { ...env }, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    await new Promise<void>((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    child.on("error", () => {});
    return new GroupedChild(child, clock);
  }

  /** Ends the tree: end of input, then SIGTERM, then SIGKILL. Resolves when no process of the group is left. Idempotent. */
  end(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    const { pid } = this.child;
    if (pid === undefined) return;
    using _hold = holdProcess();
    this.child.stdin.end();
    // A server of MCP ends by itself at the end of its input. The rest of its tree may not.
    await Promise.race([this.exited, after(this.#clock, GRACE_MS)]);
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      signalGroup(pid, signal);
      if (await this.#isGone(pid)) break;
    }
    this.child.stdout.destroy();
    this.child.stderr.destroy();
    groups.delete(pid);
  }

  async #isGone(pid: number): Promise<boolean> {
    const giveUpMs = this.#clock.monotonicMs() + GRACE_MS;
    while (signalGroup(pid, 0)) {
      if (this.#clock.monotonicMs() >= giveUpMs) return false;
      await after(this.#clock, LOOK_MS);
    }
    return true;
  }
}

/** Kills the groups that are left when this process exits without a drain. */
function follow(pid: number): void {
  groups.add(pid);
  if (listening) return;
  listening = true;
  process.on("exit", () => {
    for (const group of groups) signalGroup(group, "SIGKILL");
  });
}

/** Signals a process group; 0 only looks for it. False if no process of it is left. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch (thrown) {
    // EPERM: a process of the group runs as another user.
    return (thrown as NodeJS.ErrnoException).code === "EPERM";
  }
}

function after(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.after(delayMs, resolve));
}

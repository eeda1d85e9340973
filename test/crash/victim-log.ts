import { spawnSync } from "node:child_process";
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Where the log of a process goes: to a reader; to a device that is always full; to a file that cannot grow at first;
 * to a pipe that nobody reads.
 */
export const LOG_TARGETS = ["read", "full device", "full at first", "unread"] as const;
/** Any of {@link LOG_TARGETS}. */
export type LogTarget = (typeof LOG_TARGETS)[number];

/** The log file begins behind a hole of this size, so that a limit on the size of files stops the log and not the store. */
const HOLE_BYTES = 2 ** 30;
const LIMIT_BYTES = 2 ** 29;
const TAIL_BYTES = 64 * 1024;

/** True if the size of a running process's files can be limited from outside. */
export const LIMITABLE = spawnSync("prlimit", ["--version"]).status === 0;

/** Lets no file of a process grow beyond so many bytes; false if it could not be done. */
export function limitFileSize(pid: number, bytes: number | "unlimited"): boolean {
  return spawnSync("prlimit", ["--pid", String(pid), `--fsize=${bytes}:unlimited`]).status === 0;
}

/** The log of one process. */
export class VictimLog implements Disposable {
  readonly target: LogTarget;
  readonly #path: string;
  readonly #fd: number | undefined;

  /** `path` names the file, if the target is one. */
  constructor(target: LogTarget, path: string) {
    this.target = target;
    this.#path = path;
    if (target === "full device") this.#fd = openSync("/dev/full", "a");
    if (target === "full at first") {
      this.#fd = openSync(path, "a+", 0o600);
      ftruncateSync(this.#fd, HOLE_BYTES);
    }
  }

  /** How much is logged: an odd target is to have something to do. */
  get level(): "warn" | "info" {
    return this.target === "read" ? "warn" : "info";
  }

  /** What the process gets for its stderr. */
  get stdio(): number | "pipe" {
    return this.#fd ?? "pipe";
  }

  /** Keeps the file from growing for a while, if it is one. */
  async fill(pid: number, forMs: number): Promise<void> {
    if (this.target !== "full at first" || !LIMITABLE || !limitFileSize(pid, LIMIT_BYTES)) return;
    await delay(forMs);
    limitFileSize(pid, "unlimited");
  }

  /** The last of what the file holds; "" if there is none. */
  tail(): string {
    if (this.target !== "full at first" || this.#fd === undefined) return "";
    const bytes = Buffer.alloc(TAIL_BYTES);
    const from = Math.max(HOLE_BYTES, fstatSync(this.#fd).size - TAIL_BYTES);
    return bytes.toString("utf8", 0, readSync(this.#fd, bytes, 0, TAIL_BYTES, from));
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    rmSync(this.#path, { force: true });
  }
}

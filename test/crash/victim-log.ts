import { spawnSync } from "node:child_process";
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Targets of a process's log: a reader; a device that is always full; a file that cannot grow at the start; a pipe that
 * is not read.
 */
export const LOG_TARGETS = ["read", "full device", "full at first", "unread"] as const;
/** One of {@link LOG_TARGETS}. */
export type LogTarget = (typeof LOG_TARGETS)[number];

/** The log file starts with a hole of this size, so that a file size limit affects the log and not the store. */
const HOLE_BYTES = 2 ** 30;
const LIMIT_BYTES = 2 ** 29;
const TAIL_BYTES = 64 * 1024;

/** True if the file size of a running process can be limited from outside. */
export const LIMITABLE = spawnSync("prlimit", ["--version"]).status === 0;

/** Limits the file size of a process. Returns false if this failed. */
export function limitFileSize(pid: number, bytes: number | "unlimited"): boolean {
  return spawnSync("prlimit", ["--pid", String(pid), `--fsize=${bytes}:unlimited`]).status === 0;
}

/** The log of one process. */
export class VictimLog implements Disposable {
  readonly target: LogTarget;
  readonly #path: string;
  readonly #fd: number | undefined;

  /** `path`: the file, if the target is one. */
  constructor(target: LogTarget, path: string) {
    this.target = target;
    this.#path = path;
    if (target === "full device") this.#fd = openSync("/dev/full", "a");
    if (target === "full at first") {
      this.#fd = openSync(path, "a+", 0o600);
      ftruncateSync(this.#fd, HOLE_BYTES);
    }
  }

  /** The log level. It is higher for unusual targets, so that they receive data. */
  get level(): "warn" | "info" {
    return this.target === "read" ? "warn" : "info";
  }

  /** The stderr of the process. */
  get stdio(): number | "pipe" {
    return this.#fd ?? "pipe";
  }

  /** Prevents the log file from growing for a while, if the target is a file. */
  async fill(pid: number, forMs: number): Promise<void> {
    if (this.target !== "full at first" || !LIMITABLE || !limitFileSize(pid, LIMIT_BYTES)) return;
    await delay(forMs);
    limitFileSize(pid, "unlimited");
  }

  /** The end of the log file; "" if there is none. */
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

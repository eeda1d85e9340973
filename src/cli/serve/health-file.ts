import { rename, rm, utimes, writeFile } from "node:fs/promises";
import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { runPeriodically } from "../../runtime/periodic.ts";

/**
 * Interval at which the file is touched, in milliseconds. Probes treat a file that is a minute old as a hanging
 * process.
 */
const TOUCH_MS = 1_000;

/** Options of a {@link HealthFile}. */
export interface HealthFileOptions {
  /** Path of the file. One process writes it; an existing file is replaced. */
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * A file for cheap health probes. It contains SERVING or NOT_SERVING in one line, and its modification time is at most
 * a second old while the event loop of the process is not blocked. Disposing removes the file.
 */
export class HealthFile implements AsyncDisposable {
  readonly #options: HealthFileOptions;
  readonly #touching: AsyncDisposable;
  #isServing: () => boolean = () => false;
  #written: string;
  #failed = false;
  #last: Promise<void> = Promise.resolve();

  private constructor(options: HealthFileOptions, written: string) {
    this.#options = options;
    this.#written = written;
    this.#touching = runPeriodically(options.clock, TOUCH_MS, () => this.update());
  }

  /** Writes NOT_SERVING. Throws OPTIONS_INVALID if the file cannot be written. */
  static async open(options: HealthFileOptions): Promise<HealthFile> {
    const text = textOf(false);
    try {
      await replace(options.path, text);
    } catch (cause) {
      const problem = `The health file ${options.path} cannot be written (${(cause as NodeJS.ErrnoException).code}).`;
      const toDo = "Give --health-file a file in a folder that exists and that this process may write to.";
      throw new SealwireError("OPTIONS_INVALID", `${problem}\n${toDo}`, { cause });
    }
    return new HealthFile(options, text);
  }

  /** Keeps the file equal to the result of `isServing`. */
  follow(isServing: () => boolean): Promise<void> {
    this.#isServing = isServing;
    return this.update();
  }

  /** Updates the file. Never rejects: an error is logged once. */
  update(): Promise<void> {
    this.#last = this.#last.then(() => this.#update());
    return this.#last;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#touching[Symbol.asyncDispose]();
    await this.#last;
    await rm(this.#options.path, { force: true }).catch(() => {});
  }

  async #update(): Promise<void> {
    const { path, clock, logger } = this.#options;
    const text = textOf(this.#isServing());
    try {
      if (text !== this.#written || !(await touch(path, clock.nowMs()))) await replace(path, text);
      this.#written = text;
      this.#failed = false;
    } catch (err) {
      if (!this.#failed) logger.error({ err, path }, "the health file cannot be written; probes will fail");
      this.#failed = true;
    }
  }
}

function textOf(serving: boolean): string {
  return serving ? "SERVING\n" : "NOT_SERVING\n";
}

/** Returns false if the file no longer exists. */
async function touch(path: string, nowMs: number): Promise<boolean> {
  try {
    await utimes(path, nowMs / 1_000, nowMs / 1_000);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Replaces the file atomically: readers see the old or the new content. */
async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, text, { mode: 0o644 });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

import type { Clock } from "../../runtime/clock.ts";
import { cutText } from "../../wire/error-message.ts";
import type { JobProgress } from "../job.ts";

/** How often progress is recorded at most, in milliseconds. */
export const PROGRESS_INTERVAL_MS = 250;
const MAX_MESSAGE_LENGTH = 512;

/** Passes reports on at a bounded rate: the first at once, then the newest of each interval. */
export class ProgressThrottle implements Disposable {
  readonly #clock: Clock;
  readonly #write: (progress: JobProgress) => void;
  #last: JobProgress | undefined;
  #written: JobProgress | undefined;
  #nextWriteMs = Number.NEGATIVE_INFINITY;
  #timer: Disposable | undefined;

  constructor(clock: Clock, write: (progress: JobProgress) => void) {
    this.#clock = clock;
    this.#write = write;
  }

  /** The last report, written or not. */
  get last(): JobProgress | undefined {
    return this.#last;
  }

  /** Takes a report; anything that is no safe non-negative integer becomes the nearest one. */
  report(completed: number, total: number, message: string): void {
    this.#last = {
      completed: toCount(completed),
      total: toCount(total),
      message: cutText(String(message), MAX_MESSAGE_LENGTH),
    };
    if (this.#timer !== undefined) return;
    const waitMs = this.#nextWriteMs - this.#clock.monotonicMs();
    if (waitMs <= 0) this.#flush();
    else this.#timer = this.#clock.after(waitMs, () => this.#flush());
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #flush(): void {
    this.#timer = undefined;
    if (this.#last === undefined || this.#last === this.#written) return;
    this.#nextWriteMs = this.#clock.monotonicMs() + PROGRESS_INTERVAL_MS;
    this.#written = this.#last;
    this.#write(this.#last);
  }
}

function toCount(value: number): number {
  const count = Math.trunc(Number(value));
  return Number.isNaN(count) ? 0 : Math.min(Math.max(count, 0), Number.MAX_SAFE_INTEGER);
}

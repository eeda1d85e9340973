import type { Clock } from "../../runtime/clock.ts";
import type { JobProgress } from "../job.ts";

/** Minimum interval between two recorded progress reports, in milliseconds. */
export const PROGRESS_INTERVAL_MS = 250;

/** Forwards reports at a limited rate: the first one immediately, then the newest of each interval. */
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

  /** The last report, forwarded or not. */
  get last(): JobProgress | undefined {
    return this.#last;
  }

  /** Accepts a report. */
  report(progress: JobProgress): void {
    this.#last = progress;
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

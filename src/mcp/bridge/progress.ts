import type { JobSnapshot } from "../../client/jobs/job-snapshot.ts";
import type { Clock } from "../../runtime/clock.ts";

/** A report of progress, as `notifications/progress` has it. */
export interface ProgressReport {
  readonly progress: number;
  readonly total?: number;
  readonly message: string;
}

/** Options of {@link ProgressReports}. */
export interface ProgressOptions {
  readonly clock: Clock;
  /** Longest time between two reports. */
  readonly intervalMs: number;
  /** Sends a report. Must not throw. */
  readonly send: (report: ProgressReport) => void;
}

/** Shortest time between two reports. */
const LEAST_MS = 1_000;

/**
 * Reports progress while a host waits, also if the tool reports none: a host that hears nothing gives up. Each report is
 * higher than the one before, as MCP requires.
 */
export class ProgressReports implements Disposable {
  readonly #options: ProgressOptions;
  readonly #startedAtMs: number;
  #sentAtMs: number;
  #timer: Disposable;
  #job: JobSnapshot | undefined;
  #isNews = false;
  #completed = 0;
  /** Number of reports since `#completed` rose. */
  #repeated = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.monotonicMs();
    this.#sentAtMs = this.#startedAtMs;
    this.#timer = this.#arm();
  }

  /** Notes a state of the job that the host waits for. */
  note(job: JobSnapshot): void {
    const { progress } = job;
    const before = this.#job?.progress;
    this.#isNews ||= progress?.completed !== before?.completed || progress?.message !== before?.message;
    this.#job = job;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #arm(): Disposable {
    const { clock, intervalMs } = this.#options;
    return clock.after(Math.min(LEAST_MS, intervalMs), () => {
      if (this.#isNews || clock.monotonicMs() - this.#sentAtMs + LEAST_MS / 2 >= intervalMs) this.#report();
      this.#timer = this.#arm();
    });
  }

  #report(): void {
    const { clock, send } = this.#options;
    const { completed = 0, total = 0, message = "" } = this.#job?.progress ?? {};
    if (completed > this.#completed) {
      this.#completed = completed;
      this.#repeated = 0;
    } else {
      this.#repeated += 1;
    }
    this.#isNews = false;
    this.#sentAtMs = clock.monotonicMs();
    // Approaches the next whole number, so that it rises although nothing has happened.
    const progress = this.#completed + this.#repeated / (this.#repeated + 1);
    const seconds = Math.round((this.#sentAtMs - this.#startedAtMs) / 1000);
    const state = this.#job?.state.toLowerCase() ?? "running";
    send({ progress, ...(total >= progress && { total }), message: message || `${state}, ${seconds} s` });
  }
}

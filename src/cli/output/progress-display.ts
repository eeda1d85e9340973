import type { JobSnapshot } from "../../client/jobs/job-snapshot.ts";
import { systemClock } from "../../runtime/clock.ts";
import { plainText } from "./plain-text.ts";
import type { Terminal } from "./terminal.ts";

const BAR_WIDTH = 24;
/** Minimum interval of progress lines without a terminal, in milliseconds. */
const PLAIN_INTERVAL_MS = 1000;

/** Shows the progress of a job on stderr: a bar on a terminal, otherwise a line for each step. */
export class ProgressDisplay implements Disposable {
  readonly #terminal: Terminal;
  #drawn = false;
  #last: { readonly state: string; readonly atMs: number } | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Shows the job's newest state. */
  show(job: JobSnapshot): void {
    if (this.#terminal.drawable) this.#drawBar(job);
    else this.#printLine(job);
  }

  /** Clears the bar, so that the next message starts on a new line. */
  [Symbol.dispose](): void {
    if (this.#drawn) this.#terminal.draw("\r\x1b[K");
    this.#drawn = false;
  }

  #drawBar(job: JobSnapshot): void {
    const { colors, columns } = this.#terminal;
    const { completed = 0, total = 0 } = job.progress ?? {};
    const filled = total > 0 ? Math.round((Math.min(completed, total) / total) * BAR_WIDTH) : 0;
    const room = columns - BAR_WIDTH - 2;
    const text = [...` ${describeJob(job)}`].slice(0, Math.max(0, room)).join("");
    this.#terminal.draw(
      `\r${colors.cyan("█".repeat(filled))}${colors.dim("░".repeat(BAR_WIDTH - filled))}${text}\x1b[K`,
    );
    this.#drawn = true;
  }

  #printLine(job: JobSnapshot): void {
    const nowMs = systemClock.monotonicMs();
    const { state = "", atMs = 0 } = this.#last ?? {};
    if (state === job.state && nowMs - atMs < PLAIN_INTERVAL_MS) return;
    this.#last = { state: job.state, atMs: nowMs };
    this.#terminal.say(`${plainText(job.jobId)} ${describeJob(job)}`);
  }
}

/** A short description of a job's state. */
export function describeJob({ state, attempt, maxAttempts, progress, cancelRequested }: JobSnapshot): string {
  const words = [cancelRequested && state === "RUNNING" ? "RUNNING, cancel requested" : state];
  if (attempt > 1) words.push(`(attempt ${attempt} of ${maxAttempts})`);
  if (progress !== undefined && state === "RUNNING") {
    const { completed, total, message } = progress;
    words.push(total > 0 ? `${Math.floor((completed / total) * 100)}%` : `${completed}`, plainText(message));
  }
  return words.join(" ").trim();
}

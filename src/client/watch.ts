import { SealwireError } from "../errors.ts";
import { sleep } from "../runtime/clock.ts";
import type { Connection, OperationOptions } from "./connection.ts";
import { Deadline } from "./deadline.ts";
import { checkSuccession, type JobAnswer, readJobAnswer } from "./job-answer.ts";
import { isTerminal, type JobSnapshot } from "./job-snapshot.ts";
import { checkTimeoutMs } from "./options.ts";
import { type Failure, finalError, Retries, tellsDelay } from "./retry.ts";
import { openWatch, type StreamEnd } from "./watch-stream.ts";

/** Where a watch begins and how long it may last. */
export interface WatchOptions extends Omit<OperationOptions, "timeoutMs"> {
  /** The newest revision that the caller knows; only newer ones are yielded, and the terminal one. Default 0. */
  readonly afterRevision?: number;
  /** Time for the whole watch, 1 to 86,400,000 ms. Default: no limit. */
  readonly timeoutMs?: number;
}

/** Which job to follow. */
export interface WatchTarget {
  readonly jobId: string;
  /**
   * True if the server has been heard of it before: then a server that cannot be reached is taken for one that
   * restarts, from the first stream on.
   */
  readonly isKnown: boolean;
}

/**
 * Follows a job to its end: yields its state now, then each newer revision (progress may be merged), and returns after
 * the terminal one. Streams that break, fall silent or are cut are resumed after the newest revision, with a fresh
 * signature. Throws when the server refuses for good, cannot be reached for long, or says what cannot be believed.
 */
export async function* watchJob(
  connection: Connection,
  { jobId, isKnown }: WatchTarget,
  { afterRevision = 0, signal, timeoutMs }: WatchOptions = {},
): AsyncGenerator<JobAnswer, void, undefined> {
  const { options, closed } = connection;
  const limitMs = timeoutMs === undefined ? undefined : checkTimeoutMs(timeoutMs);
  using deadline = new Deadline({
    clock: options.clock,
    timeoutMs: limitMs,
    signals: [closed, signal],
    describe: () => `Job ${jobId} did not end within the ${limitMs} ms of this watch; it goes on.`,
  });
  const requestId = options.random.uuid();
  const { heartbeatIntervalMs } = options;
  const resumption = new Resumption(connection, isKnown);
  let known: JobSnapshot | undefined;
  let yielded = afterRevision;
  let askAfter = afterRevision;
  for (;;) {
    deadline.signal.throwIfAborted();
    const stream = openWatch(connection, { jobId, requestId, afterRevision: askAfter, heartbeatIntervalMs }, deadline);
    let end: StreamEnd | undefined;
    try {
      while (end === undefined) {
        const step = await stream.next();
        if (step.done) {
          end = step.value;
          break;
        }
        const answer = readJobAnswer("watch_job", jobId, step.value);
        const { job } = answer;
        checkSuccession(known, job);
        if (job.revision < afterRevision) throw fallen(job, afterRevision);
        resumption.verified(known === undefined || job.revision > known.revision);
        known = job;
        if (job.revision > yielded || isTerminal(job.state)) {
          yielded = job.revision;
          yield answer;
        }
        if (isTerminal(job.state)) return;
      }
    } finally {
      await stream.return({ kind: "truncated" });
    }
    const delayMs = resumption.delayAfter(end, deadline);
    options.logger.debug({ jobId, requestId, end: end.kind, delayMs, afterRevision: yielded }, "watch resumes");
    await sleep(options.clock, delayMs, deadline.signal);
    // A stream that said it was complete without the terminal state may have missed it: ask for the state anew.
    askAfter = end.kind === "truncated" ? Math.max(0, yielded - 1) : yielded;
  }
}

/** Decides how long a watch goes on resuming. */
class Resumption {
  readonly #connection: Connection;
  readonly #retries: Retries;
  #lastVerifiedAtMs: number | undefined;

  constructor(connection: Connection, isKnown: boolean) {
    this.#connection = connection;
    if (isKnown) this.#lastVerifiedAtMs = connection.options.clock.monotonicMs();
    this.#retries = new Retries(connection.options.retry, connection.options.random);
  }

  /** Notes a verified message. One without news is no reason to resume any faster. */
  verified(isNews: boolean): void {
    this.#lastVerifiedAtMs = this.#connection.options.clock.monotonicMs();
    if (isNews) this.#retries.reset();
  }

  /** Milliseconds to wait before the next stream. Throws if there is to be none. */
  delayAfter(end: StreamEnd, deadline: Deadline): number {
    const failure = failureOf(end);
    const { alternatives } = this.#connection.transport;
    const delayMs = this.#retries.delayAfter(failure, () => this.#adoptServerTime(end), alternatives);
    if (delayMs === undefined || !this.#mayResume(failure) || delayMs >= deadline.remainingMs())
      throw finalError(failure);
    return delayMs;
  }

  /** A watch of a job that nothing is known of is as patient as a call, any other as `resumeForMs` says. */
  #mayResume(failure: Failure): boolean {
    if (tellsDelay(failure)) return true;
    const { clock, resumeForMs } = this.#connection.options;
    if (this.#lastVerifiedAtMs === undefined) return this.#retries.attemptsLeft;
    return clock.monotonicMs() - this.#lastVerifiedAtMs < resumeForMs;
  }

  #adoptServerTime(end: StreamEnd): boolean {
    if (end.kind !== "failed" || end.failure.kind !== "refusal") return false;
    return this.#connection.sealer.adoptServerTime(Number(end.failure.response.tsMs), end.attempt);
  }
}

function failureOf(end: StreamEnd): Failure {
  if (end.kind === "failed") return end.failure;
  const message =
    end.kind === "silent"
      ? "The watch fell silent: neither news nor a sign of life."
      : "The watch ended without the job's terminal state.";
  return { kind: "unverified", forged: false, error: new SealwireError("UNREACHABLE", message) };
}

function fallen({ jobId, revision }: JobSnapshot, afterRevision: number): SealwireError {
  return new SealwireError(
    "RESPONSE_UNVERIFIED",
    `Job ${jobId} is at revision ${revision}, below ${afterRevision}, which the caller knows already.`,
  );
}

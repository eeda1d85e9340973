import { SealwireError } from "../../errors.ts";
import type { Deadline } from "../calls/deadline.ts";
import type { Failure } from "../calls/outcome.ts";
import { Retries, tellsDelay } from "../calls/retry.ts";
import type { Connection } from "../connection.ts";
import type { StreamEnd } from "./watch-stream.ts";

/** Decides whether and when a watch is resumed. */
export class ResumePolicy {
  readonly #connection: Connection;
  readonly #retries: Retries;
  #lastVerifiedAtMs: number | undefined;

  /**
   * `isKnown`: true if the server has confirmed the target before. An unreachable server then counts as restarting from
   * the first stream on.
   */
  constructor(connection: Connection, isKnown: boolean) {
    this.#connection = connection;
    if (isKnown) this.#lastVerifiedAtMs = connection.options.clock.monotonicMs();
    this.#retries = new Retries(connection.options.retry, connection.options);
  }

  /** Records a verified message. A heartbeat does not reset the back-off. */
  verified(isNews: boolean): void {
    this.#lastVerifiedAtMs = this.#connection.options.clock.monotonicMs();
    if (isNews) this.#retries.reset();
  }

  /** Milliseconds to wait before the next stream. Throws the final error if the watch is not resumed. */
  delayAfter(end: StreamEnd, deadline: Deadline): number {
    const failure = failureOf(end);
    const { alternatives } = this.#connection.transport;
    const remainingMs = deadline.remainingMs();
    const correctClock = (): boolean => this.#adoptServerTime(end);
    const delayMs = this.#retries.delayAfter(failure, { correctClock, alternatives, remainingMs });
    if (delayMs === undefined || !this.#mayResume(failure) || delayMs >= remainingMs)
      throw this.#retries.finalError(failure);
    return delayMs;
  }

  /** Before the first verified message the retry limits of a call apply, then `resumeForMs`. */
  #mayResume(failure: Failure): boolean {
    if (tellsDelay(failure)) return true;
    const { clock, resumeForMs } = this.#connection.options;
    if (this.#lastVerifiedAtMs === undefined) return this.#retries.attemptsLeft;
    return clock.monotonicMs() - this.#lastVerifiedAtMs < resumeForMs;
  }

  #adoptServerTime(end: StreamEnd): boolean {
    if (end.kind !== "failed" || end.failure.kind !== "refusal") return false;
    return this.#connection.signer.adoptServerTime(Number(end.failure.response.tsMs), end.attempt);
  }
}

function failureOf(end: StreamEnd): Failure {
  // A watch changes nothing on the server and cannot have crashed it: counts as unsent, and is resumed without delay.
  if (end.kind === "failed") return end.failure.kind === "unverified" ? { ...end.failure, unsent: true } : end.failure;
  const message =
    end.kind === "silent"
      ? "The watch received no message or heartbeat in time."
      : "The stream of the watch ended early.";
  return { kind: "unverified", forged: false, unsent: true, error: new SealwireError("UNREACHABLE", message) };
}

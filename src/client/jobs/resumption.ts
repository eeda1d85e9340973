import { SealwireError } from "../../errors.ts";
import type { Deadline } from "../calls/deadline.ts";
import type { Failure } from "../calls/outcome.ts";
import { Retries, tellsDelay } from "../calls/retry.ts";
import type { Connection } from "../connection.ts";
import type { StreamEnd } from "./watch-stream.ts";

/** Decides how long a watch goes on resuming. */
export class Resumption {
  readonly #connection: Connection;
  readonly #retries: Retries;
  #lastVerifiedAtMs: number | undefined;

  /**
   * `isKnown`: true if the server has been heard of what is watched before: then a server that cannot be reached is
   * taken for one that restarts, from the first stream on.
   */
  constructor(connection: Connection, isKnown: boolean) {
    this.#connection = connection;
    if (isKnown) this.#lastVerifiedAtMs = connection.options.clock.monotonicMs();
    this.#retries = new Retries(connection.options.retry, connection.options);
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
    const remainingMs = deadline.remainingMs();
    const correctClock = (): boolean => this.#adoptServerTime(end);
    const delayMs = this.#retries.delayAfter(failure, { correctClock, alternatives, remainingMs });
    if (delayMs === undefined || !this.#mayResume(failure) || delayMs >= remainingMs)
      throw this.#retries.finalError(failure);
    return delayMs;
  }

  /** A watch that nothing is known of is as patient as a call, any other as `resumeForMs` says. */
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
  // A watch does nothing at the server, so that whatever ended the server was not the watch: it resumes at once.
  if (end.kind === "failed") return end.failure.kind === "unverified" ? { ...end.failure, unsent: true } : end.failure;
  const message =
    end.kind === "silent"
      ? "The watch fell silent: neither news nor a sign of life."
      : "The watch ended, though there was more to come.";
  return { kind: "unverified", forged: false, unsent: true, error: new SealwireError("UNREACHABLE", message) };
}

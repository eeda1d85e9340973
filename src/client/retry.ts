import { SealwireError, type StatusName } from "../errors.ts";
import type { Random } from "../runtime/random.ts";
import type { RetryOptions } from "./options.ts";
import type { Outcome } from "./outcome.ts";

/** An attempt that did not bring a verified answer. */
export type Failure = Exclude<Outcome, { kind: "answer" }>;

/**
 * Unsigned statuses after which another attempt may fare better: a lost or reset connection, an overloaded or
 * restarting peer, a gateway's own time limit.
 */
const PASSING: ReadonlySet<StatusName> = new Set([
  "UNAVAILABLE",
  "INTERNAL",
  "CANCELLED",
  "RESOURCE_EXHAUSTED",
  "DEADLINE_EXCEEDED",
]);

/** Least wait after a server was lost in mid-call, unless `maxDelayMs` is below twice as much. */
const LOSS_DELAY_MS = 500;

/**
 * Decides whether an intent is tried again, and when (docs/protocol.md, Retries).
 *
 * Every attempt keeps the request id, and a server does an intent once: job tools and tools with side effects are
 * recorded under it, the others may run twice by their own declaration. So an attempt of unknown outcome may be
 * repeated, whatever the tool. A verified refusal is repeated only if it says that this can help.
 */
export class Retries {
  readonly #options: Required<RetryOptions>;
  readonly #random: Random;
  #failures = 0;
  #losses = 0;
  #clockCorrected = false;

  constructor(options: Required<RetryOptions>, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  /** True while the number of attempts allows another. */
  get attemptsLeft(): boolean {
    return this.#failures < this.#options.maxAttempts;
  }

  /** Starts anew, after something that shows the server to be well. */
  reset(): void {
    this.#failures = 0;
    this.#losses = 0;
    this.#clockCorrected = false;
  }

  /**
   * Milliseconds to wait before the next attempt, `undefined` if there is to be none. `correctClock` is called on a
   * verified CLOCK_SKEW, the first time only, and tells whether the clock could be corrected. What one server cannot do
   * is asked of as many others as there are `alternatives` without a wait, unless the server was lost in mid-call.
   */
  delayAfter(failure: Failure, correctClock: () => boolean, alternatives = 0): number | undefined {
    this.#failures += 1;
    if (isLostInMidCall(failure)) return this.#delayAfterLoss();
    if (isOutOfService(failure) && this.#failures <= alternatives) return 0;
    if (failure.kind === "unverified")
      return !failure.forged && isPassing(failure.error) ? this.backoffMs() : undefined;
    const { reason, retryable, retryDelayMs } = failure.error;
    if (reason === "CLOCK_SKEW") return this.#correctOnce(correctClock) ? 0 : undefined;
    // This nonce was drawn once, so somebody delivered the frame twice; the request id finds out what came of it.
    if (reason === "REPLAYED") return this.backoffMs();
    if (!retryable) return undefined;
    return retryDelayMs === undefined ? this.backoffMs() : this.#delayAsTold(retryDelayMs);
  }

  /** A wait drawn from 0 up to a bound that doubles with every failure. */
  backoffMs(): number {
    const { initialDelayMs, maxDelayMs } = this.#options;
    const bound = Math.min(maxDelayMs, initialDelayMs * 2 ** Math.min(Math.max(this.#failures - 1, 0), 30));
    return this.#random.fraction() * bound;
  }

  /** The call may be what ended the server: others are not to follow at once. At least half a second, doubles. */
  #delayAfterLoss(): number {
    this.#losses += 1;
    const base = Math.min(this.#options.maxDelayMs / 2, LOSS_DELAY_MS * 2 ** Math.min(this.#losses - 1, 30));
    return base * (1 + this.#random.fraction());
  }

  /** Spreads those who were told the same delay, and comes never earlier. */
  #delayAsTold(retryDelayMs: number): number {
    return retryDelayMs + this.#random.fraction() * Math.min(retryDelayMs / 4 + 10, this.#options.maxDelayMs);
  }

  #correctOnce(correctClock: () => boolean): boolean {
    if (this.#clockCorrected) return false;
    this.#clockCorrected = true;
    return correctClock();
  }
}

/** True if a verified refusal tells when to come back: such waits are limited by the deadline, not by a count. */
export function tellsDelay(failure: Failure): boolean {
  return failure.kind === "refusal" && failure.error.retryable && failure.error.retryDelayMs !== undefined;
}

/** True if the connection went away while the server may have been at work. */
function isLostInMidCall(failure: Failure): boolean {
  return failure.kind === "unverified" && !failure.forged && !failure.unsent && failure.error.reason === "UNREACHABLE";
}

/** True if it lies at the one server: it drains, or cannot be reached. */
function isOutOfService(failure: Failure): boolean {
  if (failure.kind === "refusal") return failure.error.reason === "DRAINING" && failure.error.retryable;
  return !failure.forged && failure.error.reason === "UNREACHABLE";
}

/** What the caller is told once there are no more attempts. */
export function finalError(failure: Failure): SealwireError {
  if (failure.kind === "unverified" || failure.error.reason !== "REPLAYED") return failure.error;
  return new SealwireError(
    "OUTCOME_UNKNOWN",
    `Request ${failure.response.requestId} was delivered more than once on the way, so its outcome is unknown; repeat it under the same request id.`,
    { cause: failure.error },
  );
}

function isPassing({ status, message }: SealwireError): boolean {
  // grpc-js reports a message above a size limit, its own or the peer's, as RESOURCE_EXHAUSTED: that stays so.
  return PASSING.has(status) && !/larger than max/i.test(message);
}

import { SealwireError, type StatusName } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import type { RetryOptions } from "../options.ts";
import type { Failure } from "./outcome.ts";

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

/** A call that cannot reach a server is given up when it has less time left than this. */
const LEAST_LEFT_MS = 50;

/** What decisions rest on beside the options. */
export interface RetryContext {
  readonly clock: Clock;
  readonly random: Random;
}

/** What is known where an attempt has failed. */
export interface RetrySituation {
  /** Called on a verified CLOCK_SKEW, the first time only; tells whether the clock could be corrected. */
  readonly correctClock: () => boolean;
  /** How many other servers may be asked without a wait. Default 0. */
  readonly alternatives?: number;
  /** How much time is left. Default: no limit. */
  readonly remainingMs?: number;
}

/**
 * Decides whether an intent is tried again, and when (docs/protocol.md, Intents and retries).
 *
 * Every attempt keeps the request id, and a server does an intent once: job tools and tools with side effects are
 * recorded under it, the others may run twice by their own declaration. So an attempt of unknown outcome may be
 * repeated, whatever the tool. A verified refusal is repeated only if it says that this can help.
 */
export class Retries {
  readonly #options: Required<RetryOptions>;
  readonly #clock: Clock;
  readonly #random: Random;
  #failures = 0;
  #counted = 0;
  #losses = 0;
  #told = 0;
  #clockCorrected = false;
  #awaySinceMs: number | undefined;
  #mayHaveRun = false;

  constructor(options: Required<RetryOptions>, { clock, random }: RetryContext) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
  }

  /** True while the number of attempts allows another. */
  get attemptsLeft(): boolean {
    return this.#counted < this.#options.maxAttempts;
  }

  /** Starts anew, after something that shows the server to be well. */
  reset(): void {
    this.#failures = 0;
    this.#counted = 0;
    this.#losses = 0;
    this.#told = 0;
    this.#clockCorrected = false;
    this.#awaySinceMs = undefined;
  }

  /**
   * Milliseconds to wait before the next attempt, `undefined` if there is to be none. What one server cannot do is asked
   * of as many others as there are `alternatives` without a wait, unless the server was lost in mid-call.
   */
  delayAfter(failure: Failure, situation: RetrySituation): number | undefined {
    const { correctClock, alternatives = 0, remainingMs = Infinity } = situation;
    this.#failures += 1;
    this.#mayHaveRun ||= mayHaveRun(failure);
    const awayLeftMs = this.#awayLeftMs(failure);
    if (awayLeftMs === undefined) this.#counted += 1;
    const leftMs = Math.min(remainingMs, awayLeftMs ?? Infinity);
    if (isAway(failure) && (remainingMs < LEAST_LEFT_MS || leftMs <= 0)) return undefined;
    if (isLostInMidCall(failure)) return this.#delayAfterLoss();
    if (isOutOfService(failure) && this.#failures <= alternatives) return 0;
    if (failure.kind === "unverified")
      return !failure.forged && isPassing(failure.error) ? this.backoffMs(leftMs) : undefined;
    const { reason, retryable, retryDelayMs } = failure.error;
    if (reason === "CLOCK_SKEW") return this.#correctOnce(correctClock) ? 0 : undefined;
    // This nonce was drawn once, so somebody delivered the frame twice; the request id finds out what came of it.
    if (reason === "REPLAYED") return this.backoffMs(remainingMs);
    if (!retryable) return undefined;
    return retryDelayMs === undefined ? this.backoffMs(remainingMs) : this.#delayAsTold(retryDelayMs, remainingMs);
  }

  /** A wait drawn from 0 up to a bound that doubles with every failure, and up to half of what is left. */
  backoffMs(remainingMs = Infinity): number {
    const { initialDelayMs, maxDelayMs } = this.#options;
    return this.#random.fraction() * Math.min(maxDelayMs, doubled(initialDelayMs, this.#failures - 1), remainingMs / 2);
  }

  /** What the caller is told whose last attempt failed so: the failure, and whether the call may have run. */
  finalError(failure: Failure): SealwireError {
    const error = errorOf(failure);
    if (error.reason !== "UNREACHABLE") return error;
    const advice =
      this.#mayHaveRun || mayHaveRun(failure)
        ? "Check the address and that the server runs; repeat under the same request id, the call may have taken effect."
        : error.remedy;
    return new SealwireError("UNREACHABLE", `${error.message}\n${advice}`, { cause: error });
  }

  /** What the caller is told whose time was up during an attempt that came to this: `undefined` if the call may have run. */
  errorInTime(failure: Failure, limitMs: number): SealwireError | undefined {
    if (this.#mayHaveRun || mayHaveRun(failure)) return undefined;
    if (failure.kind === "refusal" || failure.forged) return undefined;
    return new SealwireError("UNREACHABLE", `No connection to a server within ${limitMs} ms; the call has not begun.`);
  }

  /** For how long a server that cannot be reached is still waited for; `undefined` where attempts are counted instead. */
  #awayLeftMs(failure: Failure): number | undefined {
    const { maxAttempts, unreachableForMs } = this.#options;
    if (!isAway(failure) || maxAttempts === 1 || unreachableForMs === 0) return undefined;
    const nowMs = this.#clock.monotonicMs();
    this.#awaySinceMs ??= nowMs;
    return unreachableForMs - (nowMs - this.#awaySinceMs);
  }

  /** The call may be what ended the server: others are not to follow at once. At least half a second, doubles. */
  #delayAfterLoss(): number {
    this.#losses += 1;
    const base = Math.min(this.#options.maxDelayMs / 2, doubled(LOSS_DELAY_MS, this.#losses - 1));
    return base * (1 + this.#random.fraction());
  }

  /**
   * Comes never earlier than told. Spreads those who were told the same, the more the more often: a server that tells
   * everybody the same time cannot take them all then.
   */
  #delayAsTold(retryDelayMs: number, remainingMs: number): number {
    this.#told += 1;
    const { initialDelayMs, maxDelayMs } = this.#options;
    const again = this.#told === 1 ? 0 : doubled(initialDelayMs, this.#told - 2);
    const spread = Math.min(maxDelayMs, retryDelayMs / 4 + 10 + again, Math.max(0, remainingMs - retryDelayMs) / 2);
    return retryDelayMs + this.#random.fraction() * spread;
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

function doubled(ms: number, times: number): number {
  return ms * 2 ** Math.min(Math.max(times, 0), 30);
}

/** True if no connection could be made, for a reason that may pass. */
function isAway(failure: Failure): boolean {
  return failure.kind === "unverified" && failure.away === true;
}

/** Refusals after which a call under the same request id may be running, or done. */
const IN_DOUBT: ReadonlySet<string> = new Set(["REPLAYED", "REQUEST_IN_PROGRESS"]);

/** True if nothing shows that the attempt was not carried out. */
function mayHaveRun(failure: Failure): boolean {
  return failure.kind === "unverified" ? failure.unsent !== true : IN_DOUBT.has(failure.error.reason);
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

function errorOf(failure: Failure): SealwireError {
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

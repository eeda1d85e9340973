import { type Reason, SealwireError, type StatusName } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import type { RetryOptions } from "../options.ts";
import type { Failure } from "./outcome.ts";

/**
 * Unsigned statuses after which another attempt may succeed: a lost or reset connection, an overloaded or restarting
 * peer, the time limit of a gateway.
 */
const PASSING: ReadonlySet<StatusName> = new Set([
  "UNAVAILABLE",
  "INTERNAL",
  "CANCELLED",
  "RESOURCE_EXHAUSTED",
  "DEADLINE_EXCEEDED",
]);

/** Minimum delay after the connection was lost during a call, unless `maxDelayMs` is less than twice this. */
const LOSS_DELAY_MS = 500;

/** A call that cannot reach a server is given up if less time than this is left. */
const LEAST_LEFT_MS = 50;

/** The clock and the randomness of {@link Retries}. */
export interface RetryContext {
  readonly clock: Clock;
  readonly random: Random;
}

/** The situation after a failed attempt. */
export interface RetrySituation {
  /** Called on the first verified CLOCK_SKEW. Returns true if the clock was corrected. */
  readonly correctClock: () => boolean;
  /** Number of other servers that may be tried without a delay. Default 0. */
  readonly alternatives?: number;
  /** Remaining time of the operation. Default: no limit. */
  readonly remainingMs?: number;
}

/**
 * Decides whether and when an intent is retried (docs/protocol.md, Intents and retries).
 *
 * All attempts have the same request id, and a server executes an intent once: it records calls of job tools and of
 * tools with side effects, and other tools may run twice by their declaration. An attempt with an unknown outcome may
 * therefore be repeated for any tool. After a verified refusal, an attempt is repeated only if the refusal is
 * retryable.
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

  /** True if another attempt may follow this failure: see `RetryOptions.maxAttempts`. */
  allows(failure: Failure): boolean {
    return this.attemptsLeft || (this.#options.maxAttempts > 1 && tellsDelay(failure));
  }

  /** Resets all counts, after a message has shown that the server works. */
  reset(): void {
    this.#failures = 0;
    this.#counted = 0;
    this.#losses = 0;
    this.#told = 0;
    this.#clockCorrected = false;
    this.#awaySinceMs = undefined;
  }

  /** Notes an attempt that has failed, for {@link finalError}. {@link delayAfter} does so, too. */
  note(failure: Failure): void {
    this.#mayHaveRun ||= mayHaveRun(failure);
  }

  /**
   * Milliseconds to wait before the next attempt; `undefined` if there is none. If a server is out of service, up to
   * `alternatives` others are tried without a delay, unless the connection was lost during the call.
   */
  delayAfter(failure: Failure, situation: RetrySituation): number | undefined {
    const { correctClock, alternatives = 0, remainingMs = Infinity } = situation;
    this.#failures += 1;
    this.note(failure);
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
    // The nonce is unique, so the frame was delivered twice. Another attempt with the request id gets the outcome.
    if (reason === "REPLAYED") return this.backoffMs(remainingMs);
    if (!retryable) return undefined;
    return retryDelayMs === undefined ? this.backoffMs(remainingMs) : this.#delayAsTold(retryDelayMs, remainingMs);
  }

  /** A random delay between 0 and a limit that doubles with each failure, and at most half of the remaining time. */
  backoffMs(remainingMs = Infinity): number {
    const { initialDelayMs, maxDelayMs } = this.#options;
    return this.#random.fraction() * Math.min(maxDelayMs, doubled(initialDelayMs, this.#failures - 1), remainingMs / 2);
  }

  /** The error for the caller after the last attempt. Says whether the call may have been executed. */
  finalError(failure: Failure): SealwireError {
    const error = errorOf(failure);
    const isOpen = this.#mayHaveRun || mayHaveRun(failure);
    if (isOpen && (isBeforeExecution(failure) || isDraining(failure))) LEFT_OPEN.add(error);
    if (error.reason !== "UNREACHABLE") return isOpen ? error : notBegun(error);
    const advice = isOpen
      ? "Check the address and that the server runs; repeat under the same request id, the call may have taken effect."
      : error.remedy;
    const final = new SealwireError("UNREACHABLE", `${error.message}\n${advice}`, { cause: error });
    return isOpen ? final : notBegun(final);
  }

  /** The error for the caller if the time was up during an attempt; `undefined` if the call may have been executed. */
  errorInTime(failure: Failure, limitMs: number): SealwireError | undefined {
    if (this.#mayHaveRun || mayHaveRun(failure)) return undefined;
    if (failure.kind === "refusal" || failure.forged) return undefined;
    const message = `No connection to a server within ${limitMs} ms; the call has not begun.`;
    return notBegun(new SealwireError("UNREACHABLE", message));
  }

  /** Remaining time to wait for an unreachable server; `undefined` if attempts are counted instead. */
  #awayLeftMs(failure: Failure): number | undefined {
    const { maxAttempts, unreachableForMs } = this.#options;
    if (!isAway(failure) || maxAttempts === 1 || unreachableForMs === 0) return undefined;
    const nowMs = this.#clock.monotonicMs();
    this.#awaySinceMs ??= nowMs;
    return unreachableForMs - (nowMs - this.#awaySinceMs);
  }

  /** The call itself may have crashed the server, so it is delayed: at least half a second, doubled each time. */
  #delayAfterLoss(): number {
    this.#losses += 1;
    const base = Math.min(this.#options.maxDelayMs / 2, doubled(LOSS_DELAY_MS, this.#losses - 1));
    return base * (1 + this.#random.fraction());
  }

  /**
   * The delay that the server requested, plus a random part that grows with each repetition. It spreads clients that
   * got the same delay, because the server could not serve all of them at the same time.
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

/** True if a verified refusal contains a retry delay. Such retries are limited by the deadline, not by a count. */
export function tellsDelay(failure: Failure): boolean {
  return failure.kind === "refusal" && failure.error.retryable && failure.error.retryDelayMs !== undefined;
}

function doubled(ms: number, times: number): number {
  return ms * 2 ** Math.min(Math.max(times, 0), 30);
}

/** True if no connection could be established, for a temporary reason, or if the server drains. */
function isAway(failure: Failure): boolean {
  return failure.kind === "unverified" ? failure.away === true : isDraining(failure);
}

function isDraining({ error }: Failure): boolean {
  return error.reason === "DRAINING" && error.retryable;
}

/** Refusals before a tool runs or a job is accepted. After all others, the call may be running or may have ended. */
const BEFORE_EXECUTION: ReadonlySet<Reason> = new Set<Reason>([
  "ENVELOPE_INVALID",
  "UNSUPPORTED_VERSION",
  "CLIENT_MISMATCH",
  "AUDIENCE_MISMATCH",
  "CLOCK_SKEW",
  "FRESHNESS_UNKNOWN",
  "TOOL_FORBIDDEN",
  "TOOL_RPC_MISMATCH",
  "TOOL_CHANGED",
  "ARGS_INVALID",
  "REQUEST_ID_REUSED",
  "RATE_LIMITED",
  "QUOTA_EXCEEDED",
]);

/** True unless it is certain that the attempt was not executed. */
function mayHaveRun(failure: Failure): boolean {
  if (failure.kind === "unverified") return failure.unsent !== true || failure.told === true;
  return !isBeforeExecution(failure);
}

function isBeforeExecution({ kind, error }: Failure): boolean {
  return kind === "refusal" && BEFORE_EXECUTION.has(error.reason);
}

/** The errors of calls that were certainly not executed. */
const NOT_BEGUN = new WeakSet<SealwireError>();

/** Marks the error of a call that was certainly not executed. */
export function notBegun(error: SealwireError): SealwireError {
  NOT_BEGUN.add(error);
  return error;
}

/** True if it is certain that the call that threw this error was not executed by any server. */
export function hasNotBegun(error: SealwireError): boolean {
  return NOT_BEGUN.has(error);
}

/** The verified refusals of calls of which an earlier attempt may have been executed. */
const LEFT_OPEN = new WeakSet<SealwireError>();

/**
 * True for a verified refusal that does not tell the outcome of the call, because an earlier attempt may have been
 * executed.
 */
export function leavesOutcomeOpen(error: SealwireError): boolean {
  return LEFT_OPEN.has(error);
}

/** True if the connection was lost while the server may have executed the call. */
function isLostInMidCall(failure: Failure): boolean {
  return failure.kind === "unverified" && !failure.forged && !failure.unsent && failure.error.reason === "UNREACHABLE";
}

/** True if this server drains or cannot be reached. */
function isOutOfService(failure: Failure): boolean {
  if (failure.kind === "refusal") return isDraining(failure);
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
  // grpc-js reports a message above a size limit, its own or the peer's, as RESOURCE_EXHAUSTED. A retry does not help.
  return PASSING.has(status) && !/larger than max/i.test(message);
}

import { SealwireError, type WireReason } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { MAX_RESULT_BYTES } from "../../wire/limits.ts";
import type { JobHandler } from "../engine.ts";
import { HandBackError } from "../hand-back.ts";
import type { JobProgress } from "../job.ts";
import { jobErrorOf, lostAttemptError, toJobError } from "../job-error.ts";
import type { AttemptOutcome, ClaimedAttempt } from "./attempt-store.ts";
import { startDeadline } from "./deadline.ts";
import { ProgressThrottle } from "./progress-throttle.ts";

/** Options of an {@link Attempt}. */
export interface AttemptOptions {
  readonly claimed: ClaimedAttempt;
  readonly handler: JobHandler;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recordProgress: (progress: JobProgress) => void;
}

/** The outcome of an attempt whose worker stops. */
const DRAINED: AttemptOutcome = { kind: "handedBack", delayMs: 0, queueDeadlineMs: undefined, isCounted: false };

/** The outcome of an attempt that may not be repeated and whose worker stops. */
const UNKNOWN: AttemptOutcome = {
  kind: "failed",
  error: toJobError(
    new SealwireError("OUTCOME_UNKNOWN", "The worker stopped while the tool ran; nobody knows whether it took effect."),
  ),
  retry: false,
};

/** The outcome of an attempt that counts as lost. The store refuses it. */
const LOST: AttemptOutcome = { kind: "failed", error: lostAttemptError(), retry: true };

type HandlerResult = { readonly result: Uint8Array } | { readonly error: unknown };

/**
 * One run of a handler, from its start until its outcome is known. A cancellation, time-out or drain first aborts the
 * handler's signal. A handler that does not stop within its grace period is cut off, and its result is discarded.
 */
export class Attempt {
  readonly claimed: ClaimedAttempt;
  readonly #options: AttemptOptions;
  readonly #controller = new AbortController();
  readonly #cutOff = Promise.withResolvers<undefined>();
  readonly #progress: ProgressThrottle;
  readonly #timers: Disposable[] = [];
  #lastBeatMs = 0;
  #lost = false;
  #cancelled = false;
  #timedOut: WireReason | undefined;
  #draining = false;
  #once = false;
  #ended = false;

  constructor(options: AttemptOptions) {
    this.#options = options;
    this.claimed = options.claimed;
    this.#progress = new ProgressThrottle(options.clock, options.recordProgress);
    this.#timers.push(this.#progress);
  }

  /** The last progress that the handler reported. */
  get progress(): JobProgress | undefined {
    return this.#progress.last;
  }

  /** Runs the handler; never throws. */
  async run(): Promise<AttemptOutcome> {
    this.#startTimeouts();
    const returned = this.#callHandler();
    const first = await Promise.race([returned, this.#cutOff.promise]);
    this.#ended = true;
    for (const timer of this.#timers) timer[Symbol.dispose]();
    if (first === undefined) this.#tellWhenBack(returned);
    return this.#decide(first);
  }

  /** Stops the attempt because the owner cancelled the job. The handler has its policy's grace period. */
  cancel(): void {
    if (this.#cancelled || this.#ended) return;
    this.#cancelled = true;
    this.#abort(new SealwireError("CANCELLED"));
    this.#cutOffAfter(this.claimed.cancelGraceMs);
  }

  /** Stops the attempt immediately because it counts as lost. The store would refuse its outcome. */
  lose(): void {
    this.#lost = true;
    this.#abort(new SealwireError("WORKER_LOST"));
    this.cutOff();
  }

  /** Aborts the signal because the worker stops. The handler may still finish until {@link cutOff}. */
  drain(): void {
    this.#draining = true;
    this.#abort(new SealwireError("DRAINING"));
  }

  /** Stops waiting for the handler. */
  cutOff(): void {
    this.#cutOff.resolve(undefined);
  }

  #startTimeouts(): void {
    const { clock } = this.#options;
    const { executionTimeoutMs, heartbeatTimeoutMs } = this.claimed;
    const startedMs = clock.monotonicMs();
    this.#lastBeatMs = startedMs;
    this.#timers.push(
      startDeadline(
        clock,
        executionTimeoutMs,
        () => startedMs,
        () => this.#timeOut("EXECUTION_TIMEOUT"),
      ),
    );
    if (heartbeatTimeoutMs === undefined) return;
    this.#timers.push(
      startDeadline(
        clock,
        heartbeatTimeoutMs,
        () => this.#lastBeatMs,
        () => this.#timeOut("HEARTBEAT_TIMEOUT"),
      ),
    );
  }

  async #callHandler(): Promise<HandlerResult> {
    const { dueAtMs, executionTimeoutMs, heartbeatTimeoutMs, cancelGraceMs, queueDeadlineMs, ...visible } =
      this.claimed;
    try {
      const result = await this.#options.handler({
        ...visible,
        deadlineMs: this.#options.clock.nowMs() + executionTimeoutMs,
        signal: this.#controller.signal,
        progress: (completed, total, message = "") => {
          if (this.#ended) return;
          this.#lastBeatMs = this.#options.clock.monotonicMs();
          this.#progress.report({ completed, total, message });
        },
        runOnce: () => {
          this.#once = true;
        },
        abort: (reason) => this.#abort(reason),
      });
      if (result instanceof Uint8Array)
        return result.length > MAX_RESULT_BYTES ? { error: tooLarge(result) } : { result };
      return { error: new TypeError(`the handler of "${this.claimed.tool}" returned no bytes`) };
    } catch (error) {
      return { error };
    }
  }

  #timeOut(reason: WireReason): void {
    if (this.#timedOut !== undefined || this.#ended) return;
    this.#timedOut = reason;
    this.#abort(new SealwireError(reason));
    this.#cutOffAfter(this.claimed.cancelGraceMs);
  }

  #abort(reason: SealwireError): void {
    this.#controller.abort(reason);
  }

  #cutOffAfter(graceMs: number): void {
    this.#timers.push(this.#options.clock.after(graceMs, () => this.cutOff()));
  }

  /**
   * A result is kept unless it came after a time-out. A cancellation, hand-back or drain determines the outcome only if
   * there is no result.
   */
  #decide(returned: HandlerResult | undefined): AttemptOutcome {
    if (this.#timedOut === undefined && returned !== undefined && "result" in returned) {
      return { kind: "succeeded", result: returned.result };
    }
    if (this.#lost) return LOST;
    if (this.#cancelled) return { kind: "cancelled" };
    if (this.#timedOut !== undefined) return { kind: "failed", error: jobErrorOf(this.#timedOut), retry: true };
    const thrown = returned !== undefined && "error" in returned ? returned.error : undefined;
    if (thrown instanceof HandBackError) return this.#handedBack(thrown);
    if (this.#draining) return this.#once ? UNKNOWN : DRAINED;
    const error = toJobError(thrown);
    const foreseen = thrown instanceof SealwireError && thrown.reason === error.reason;
    if (!foreseen) this.#options.logger.error({ err: thrown }, "a job's handler threw unexpectedly");
    return { kind: "failed", error, retry: !foreseen || error.retryable };
  }

  #handedBack({ began, delayMs }: HandBackError): AttemptOutcome {
    const queueDeadlineMs = began ? undefined : this.claimed.queueDeadlineMs;
    return { kind: "handedBack", delayMs, queueDeadlineMs, isCounted: began };
  }

  #tellWhenBack(returned: Promise<HandlerResult>): void {
    const { logger } = this.#options;
    logger.warn({}, "a job's handler did not react to its signal and was cut off; it may still be running");
    void returned.then(() => logger.info({}, "a job's handler that was cut off has returned; its result is discarded"));
  }
}

function tooLarge({ length }: Uint8Array): SealwireError {
  const text = `The result has ${length} bytes, ${MAX_RESULT_BYTES} are the most; return a reference to the data.`;
  return new SealwireError("RESULT_TOO_LARGE", text);
}

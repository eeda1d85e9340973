import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Place } from "../../runtime/linked-list.ts";
import type { Expiring, RunningTime } from "../../runtime/time-limit.ts";
import type { Operations } from "./operations.ts";

/** The cause of a DEADLINE_EXCEEDED of this client's own. */
export const TIME_IS_UP = "time is up";

/** Something that ends early for a caller who gives up. Its signal is made when it is asked for. */
export interface Cancellation {
  readonly signal: AbortSignal;
}

/** What limits one operation of the client. */
export interface DeadlineOptions {
  readonly clock: Clock;
  /** Those of the client that the operation is one of. */
  readonly operations: Operations;
  /** How long the operation may take in all; `undefined`: no limit of its own. */
  readonly timeoutMs: number | undefined;
  /** Ends it with a reason of the caller's. */
  readonly signal: AbortSignal | undefined;
  /** What the DEADLINE_EXCEEDED error is to say. */
  readonly describe: () => string;
}

/**
 * The time that one operation has. It ends with DEADLINE_EXCEEDED when the time is up, with the caller's own reason when
 * the caller gives up, and with CANCELLED when the client is closed. Keeps the process alive until it is disposed.
 */
export class Deadline implements Disposable, Cancellation, Expiring {
  /** Called when it ends; for one waiter at a time. */
  onEnd: (() => void) | undefined;
  /** How long the operation may take in all; Infinity without a limit. */
  readonly limitMs: number;
  readonly #options: DeadlineOptions;
  readonly #endsAtMs: number;
  readonly #place: Place<Deadline>;
  /** Where the time is the client's usual one, and where it is not. */
  readonly #time: RunningTime | undefined;
  readonly #timer: Disposable | undefined;
  readonly #onAbort: (() => void) | undefined;
  #controller: AbortController | undefined;
  #hasEnded = false;
  #reason: unknown;

  constructor(options: DeadlineOptions) {
    const { clock, operations, timeoutMs, signal } = options;
    this.#options = options;
    this.limitMs = timeoutMs ?? Infinity;
    this.#endsAtMs = clock.monotonicMs() + this.limitMs;
    if (timeoutMs === operations.usualTime.limitMs) this.#time = operations.usualTime.begin(this);
    else if (timeoutMs !== undefined) this.#timer = clock.after(timeoutMs, () => this.expire());
    this.#place = operations.enter(this);
    if (signal === undefined) return;
    this.#onAbort = () => this.end(signal.reason);
    if (signal.aborted) this.#onAbort();
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Aborts with the reason when the operation ends before it is done. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#hasEnded) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Why it has ended. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Throws the reason if it has ended. */
  throwIfEnded(): void {
    if (this.#hasEnded) throw this.#reason;
  }

  /** Milliseconds left; Infinity without a limit. */
  remainingMs(): number {
    return Math.max(0, this.#endsAtMs - this.#options.clock.monotonicMs());
  }

  expire(): void {
    this.end(new SealwireError("DEADLINE_EXCEEDED", this.#options.describe(), { cause: TIME_IS_UP }));
  }

  /** Ends the operation; the first reason counts. */
  end(reason: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.onEnd?.();
  }

  [Symbol.dispose](): void {
    const { operations, signal } = this.#options;
    if (this.#time !== undefined) operations.usualTime.end(this.#time);
    this.#timer?.[Symbol.dispose]();
    operations.leave(this.#place);
    if (this.#onAbort !== undefined) signal?.removeEventListener("abort", this.#onAbort);
  }
}

/** The promise's outcome, or the signal's reason if that aborts first. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

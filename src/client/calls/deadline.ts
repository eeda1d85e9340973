import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Place } from "../../runtime/linked-list.ts";
import type { Expiring, RunningTime } from "../../runtime/time-limit.ts";
import type { Operations } from "./operations.ts";

/** The cause of a DEADLINE_EXCEEDED error that this client raises itself. */
export const TIME_IS_UP = "time is up";

/** A signal that aborts when an operation ends early. It is created on first use. */
export interface Cancellation {
  readonly signal: AbortSignal;
}

/** Options of a {@link Deadline}. */
export interface DeadlineOptions {
  readonly clock: Clock;
  /** The open operations of the client, including this one. */
  readonly operations: Operations;
  /** Maximum total time of the operation; `undefined`: no limit. */
  readonly timeoutMs: number | undefined;
  /** Ends the operation with the signal's reason. */
  readonly signal: AbortSignal | undefined;
  /** Returns the message of the DEADLINE_EXCEEDED error. */
  readonly describe: () => string;
}

/**
 * The time limit of one operation. The operation ends with DEADLINE_EXCEEDED when the time is up, with the caller's own
 * reason when the caller gives up, and with CANCELLED when the client is closed. Keeps the process alive until it is
 * disposed.
 */
export class Deadline implements Disposable, Cancellation, Expiring {
  /** Called when the operation ends. Supports one waiter at a time. */
  onEnd: (() => void) | undefined;
  /** Maximum total time of the operation; Infinity without a limit. */
  readonly limitMs: number;
  readonly #options: DeadlineOptions;
  readonly #endsAtMs: number;
  readonly #place: Place<Deadline>;
  /** Set if the time limit is the client's default, otherwise `#timer` is. */
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

  /** Aborts with the reason when the operation ends early. */
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

  /** The reason of the end; `undefined` before it. */
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

  /** Ends the operation. Only the first reason is kept. */
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

/** Settles like the promise, or rejects with the signal's reason if the signal aborts first. */
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

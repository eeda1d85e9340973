import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { holdProcess } from "../../runtime/hold-process.ts";

/** The cause of a DEADLINE_EXCEEDED of this client's own. */
export const TIME_IS_UP = "time is up";

/** What limits one operation of the client. */
export interface Limits {
  readonly clock: Clock;
  /** How long the operation may take in all; `undefined`: no limit of its own. */
  readonly timeoutMs: number | undefined;
  /** Signals that end it, each with its own reason. */
  readonly signals: readonly (AbortSignal | undefined)[];
  /** What the DEADLINE_EXCEEDED error is to say. */
  readonly describe: () => string;
}

/**
 * The time that one operation has. Its signal aborts with DEADLINE_EXCEEDED when the time is up and with a caller's
 * own reason when the caller gives up. Keeps the process alive until it is disposed.
 */
export class Deadline implements Disposable {
  readonly signal: AbortSignal;
  readonly #clock: Clock;
  readonly #endsAtMs: number;
  readonly #hold = holdProcess();
  readonly #timer: Disposable | undefined;
  readonly #followed: { readonly signal: AbortSignal; readonly onAbort: () => void }[] = [];

  constructor({ clock, timeoutMs, signals, describe }: Limits) {
    const controller = new AbortController();
    this.signal = controller.signal;
    this.#clock = clock;
    this.#endsAtMs = timeoutMs === undefined ? Infinity : clock.monotonicMs() + timeoutMs;
    if (timeoutMs !== undefined) {
      const expire = (): void =>
        controller.abort(new SealwireError("DEADLINE_EXCEEDED", describe(), { cause: TIME_IS_UP }));
      this.#timer = clock.after(timeoutMs, expire);
    }
    for (const signal of signals) this.#follow(signal, controller);
  }

  /** Milliseconds left; Infinity without a limit. */
  remainingMs(): number {
    return Math.max(0, this.#endsAtMs - this.#clock.monotonicMs());
  }

  [Symbol.dispose](): void {
    this.#hold[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
    for (const { signal, onAbort } of this.#followed.splice(0)) signal.removeEventListener("abort", onAbort);
  }

  #follow(signal: AbortSignal | undefined, controller: AbortController): void {
    if (signal === undefined) return;
    const onAbort = (): void => controller.abort(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#followed.push({ signal, onAbort });
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

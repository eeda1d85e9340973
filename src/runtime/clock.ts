/** The only source of time. Passed in, so that tests need no sleeps. */
export interface Clock {
  /** Wall time in Unix milliseconds; may step. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; never steps. */
  monotonicMs(): number;
  /** Runs `callback` once after `delayMs`; dispose the timer to call it off. Does not keep the process alive. */
  after(delayMs: number, callback: () => void): Disposable;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    // Node fires at once for delays above 2^31-1 ms: cap, callers re-check their condition.
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), 2_147_483_647));
    timer.unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/**
 * Resolves after `delayMs` on `clock`. Rejects with the signal's reason if `signal` aborts first.
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer[Symbol.dispose]();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

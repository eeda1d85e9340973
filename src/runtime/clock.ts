/** The only source of time. Passed in, so that tests need no sleeps. */
export interface Clock {
  /** Wall time in Unix milliseconds. It may jump forwards or backwards. */
  nowMs(): number;
  /** Milliseconds since an arbitrary start. It never jumps. */
  monotonicMs(): number;
  /**
   * Runs `callback` once after `delayMs`, which may be any length. Disposing the timer cancels it. Does not keep the
   * process alive.
   */
  after(delayMs: number, callback: () => void): Disposable;
}

/** Longest delay that Node's timers accept, in milliseconds. A longer one fires at once. */
export const LONGEST_DELAY_MS = 2_147_483_647;

/** The system clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    if (delayMs > LONGEST_DELAY_MS) return afterSteps(delayMs, callback, LONGEST_DELAY_MS);
    const timer = setTimeout(callback, Math.max(delayMs, 0));
    timer.unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/** Runs `callback` once after `delayMs`, using timers of at most `stepMs` each. Does not keep the process alive. */
export function afterSteps(delayMs: number, callback: () => void, stepMs: number): Disposable {
  const dueMs = performance.now() + delayMs;
  let timer: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    timer = setTimeout(onStep, Math.max(Math.min(leftMs, stepMs), 0));
    timer.unref();
  };
  // Node measures a timer from the start of the event loop iteration that set it, so a timer may fire early.
  const onStep = (): void => {
    const leftMs = dueMs - performance.now();
    if (leftMs > 0) arm(leftMs);
    else callback();
  };
  arm(delayMs);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

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

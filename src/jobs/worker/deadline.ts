import type { Clock } from "../../runtime/clock.ts";

/**
 * Runs `callback` when `limitMs` have passed since `startedMs()` (monotonic), whose value may increase while the
 * deadline runs. Disposing the result cancels it.
 */
export function startDeadline(
  clock: Clock,
  limitMs: number,
  startedMs: () => number,
  callback: () => void,
): Disposable {
  let timer: Disposable;
  const arm = () => {
    const leftMs = startedMs() + limitMs - clock.monotonicMs();
    timer = clock.after(leftMs, () => (startedMs() + limitMs <= clock.monotonicMs() ? callback() : arm()));
  };
  arm();
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

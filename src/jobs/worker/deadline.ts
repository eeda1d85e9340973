import type { Clock } from "../../runtime/clock.ts";

/**
 * Runs `callback` once `limitMs` have passed since `startedMs()` (monotonic). The start may move on meanwhile.
 * Dispose to call it off.
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

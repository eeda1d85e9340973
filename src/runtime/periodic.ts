import type { Clock } from "./clock.ts";

/**
 * Runs `task` repeatedly, `intervalMs` after the end of the previous run, until disposed. Disposing waits for the
 * current run.
 */
export function runPeriodically(clock: Clock, intervalMs: number, task: () => Promise<unknown>): AsyncDisposable {
  let stopped = false;
  let timer: Disposable;
  let running: Promise<void> = Promise.resolve();
  const arm = () => {
    timer = clock.after(intervalMs, () => {
      running = task().then(again, again);
    });
  };
  const again = () => {
    if (!stopped) arm();
  };
  arm();
  return {
    async [Symbol.asyncDispose]() {
      stopped = true;
      timer[Symbol.dispose]();
      await running;
    },
  };
}

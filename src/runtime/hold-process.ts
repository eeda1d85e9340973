import { LONGEST_DELAY_MS } from "./clock.ts";

/**
 * Keeps the process alive until the result is disposed. The clock's timers do not keep it alive, so a client that waits
 * between two attempts holds the process.
 */
export function holdProcess(): Disposable {
  const timer = setInterval(() => {}, LONGEST_DELAY_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

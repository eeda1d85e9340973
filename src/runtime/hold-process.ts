import { LONGEST_DELAY_MS } from "./clock.ts";

/**
 * Keeps the process alive until it is disposed. The clock's timers do not, so whoever awaits one on behalf of a
 * caller, such as a client between two attempts, holds the process meanwhile.
 */
export function holdProcess(): Disposable {
  const timer = setInterval(() => {}, LONGEST_DELAY_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

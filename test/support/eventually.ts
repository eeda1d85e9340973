import { setTimeout as delay } from "node:timers/promises";

const LIMIT_MS = 20_000;

/** Resolves with the first value of `probe` that is neither false nor nullish; throws if there is none for 20 s. */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
): Promise<Exclude<T, false | null | undefined>> {
  const giveUpMs = performance.now() + LIMIT_MS;
  for (;;) {
    const value = await probe();
    if (value !== false && value !== null && value !== undefined) {
      return value as Exclude<T, false | null | undefined>;
    }
    if (performance.now() > giveUpMs) throw new Error(`in vain for ${LIMIT_MS / 1000} s: ${what}`);
    await delay(2);
  }
}

/** Resolves when all work is done that does not wait for time: promises, and work in the next event loop turns. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

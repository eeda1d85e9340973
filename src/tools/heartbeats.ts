import type { Clock } from "../runtime/clock.ts";

/**
 * Yields what `source` yields, and `undefined` after every `intervalMs` without. When the reader leaves, `leave` is
 * called to end the step of `source` that waits, where its `return` alone does not.
 */
export async function* withHeartbeats<T>(
  source: AsyncIterable<T>,
  { clock, intervalMs, leave }: { readonly clock: Clock; readonly intervalMs: number; readonly leave?: () => void },
): AsyncGenerator<T | undefined, void, undefined> {
  const steps = source[Symbol.asyncIterator]();
  let step: Promise<IteratorResult<T, unknown>> | undefined;
  try {
    for (;;) {
      step ??= handled(steps.next());
      const next = await withinMs(clock, intervalMs, step);
      if (next?.done === true) return;
      if (next !== undefined) step = undefined;
      yield next?.value;
    }
  } finally {
    leave?.();
    await steps.return?.();
  }
}

/** Marks a promise as one whose rejection is seen to later, whenever it is awaited. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** The promise's value, or `undefined` if it has none within `limitMs`. */
async function withinMs<T>(clock: Clock, limitMs: number, promise: Promise<T>): Promise<T | undefined> {
  const { promise: timeUp, resolve } = Promise.withResolvers<undefined>();
  using _timer = clock.after(limitMs, () => resolve(undefined));
  return await Promise.race([promise, timeUp]);
}

import { type Reason, SealwireError } from "../../src/errors.ts";

/** The SealwireError that `promise` rejects with; throws if it does not, or if the reason is another. */
export async function rejection(reason: Reason, promise: Promise<unknown>): Promise<SealwireError> {
  let value: unknown;
  try {
    value = await promise;
  } catch (thrown) {
    if (thrown instanceof SealwireError && thrown.reason === reason) return thrown;
    throw thrown;
  }
  throw new Error(`expected ${reason}, got ${JSON.stringify(value)}`);
}

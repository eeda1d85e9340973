import { type Reason, SealwireError } from "../../src/errors.ts";

/** Resolves to the SealwireError with which `promise` rejects. Throws if it does not reject or has another reason. */
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

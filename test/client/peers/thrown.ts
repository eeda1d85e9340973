import { SealwireError } from "../../../src/errors.ts";
import { assert } from "../../support/suite.ts";

/** The SealwireError that `body` rejects with; fails the test if it does not, or rejects with anything else. */
export async function thrownBy(body: () => unknown): Promise<SealwireError> {
  let error: unknown;
  try {
    await body();
  } catch (thrown) {
    error = thrown;
  }
  assert.instance(error, SealwireError, `expected a SealwireError, got ${String(error)}`);
  return error as SealwireError;
}

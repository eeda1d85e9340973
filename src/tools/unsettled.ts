import type { SealwireError } from "../errors.ts";

/** What a failed run has done: nothing, or nobody knows. */
export type Effect = "none" | "unknown";

/**
 * Thrown by the handler of a sync tool whose failure is not the outcome of the intent, because the tool has not run, or
 * because nobody knows what it has done.
 */
export class Unsettled extends Error {
  override readonly name = "Unsettled";
  /** What the caller receives. */
  readonly error: SealwireError;
  readonly effect: Effect;

  constructor(error: SealwireError, effect: Effect) {
    super(error.message, { cause: error });
    this.error = error;
    this.effect = effect;
  }
}

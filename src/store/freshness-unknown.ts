import { SealwireError } from "../errors.ts";

/** The longest retry delay, in milliseconds, so that clients notice a repair. */
const LONGEST_DELAY_MS = 20 * 60 * 1000;

/**
 * The error for a frame that may not be new, because the store may have forgotten frames with its timestamp. `untilMs`:
 * the last timestamp for which this is the case.
 */
export function freshnessUnknown(tsMs: number, untilMs: number, why: string): SealwireError {
  return new SealwireError(
    "FRESHNESS_UNKNOWN",
    `${why}, so the server cannot tell whether this frame is new; sign it anew.`,
    {
      retryDelayMs: Math.min(Math.max(untilMs - tsMs + 1, 1), LONGEST_DELAY_MS),
    },
  );
}

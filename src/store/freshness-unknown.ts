import { SealwireError } from "../errors.ts";

/** The longest delay that is told, in milliseconds: what is repaired meanwhile is to be noticed. */
const LONGEST_DELAY_MS = 20 * 60 * 1000;

/**
 * The error of a frame that the store cannot tell to be new, since it forgot frames of this stamp or may have. `untilMs`:
 * the last stamp of which that is true.
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

import { SealwireError } from "../errors.ts";

/** Retry delay while the store is unavailable, in milliseconds. */
const AWAY_RETRY_MS = 1000;

/** The error for a store that is temporarily unavailable. */
export function storeUnavailable(cause: unknown): SealwireError {
  return new SealwireError("UNAVAILABLE", "The server's store cannot be used just now; try again.", {
    retryDelayMs: AWAY_RETRY_MS,
    cause,
  });
}

/** The error for a closed store. */
export function storeClosed(): SealwireError {
  return new SealwireError("UNAVAILABLE", "The server's store is closed.", { retryDelayMs: AWAY_RETRY_MS });
}

import { SealwireError } from "../errors.ts";

/** How long a caller is told to wait while the store is away, in milliseconds. */
const AWAY_RETRY_MS = 1000;

/** The error of a store that cannot be read or written just now. */
export function storeUnavailable(cause: unknown): SealwireError {
  return new SealwireError("UNAVAILABLE", "The server's store cannot be used just now; try again.", {
    retryDelayMs: AWAY_RETRY_MS,
    cause,
  });
}

/** The error of a store that was closed. */
export function storeClosed(): SealwireError {
  return new SealwireError("UNAVAILABLE", "The server's store is closed.", { retryDelayMs: AWAY_RETRY_MS });
}

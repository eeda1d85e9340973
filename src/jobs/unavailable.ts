import { SealwireError } from "../errors.ts";

/** Retry delay while the store is unavailable, in milliseconds. */
const AWAY_RETRY_MS = 1000;
/** Retry delay of an operation that is denied, in milliseconds: another server may be allowed to do it. */
const DENIED_RETRY_MS = 5000;

/** The error for a store that is temporarily unavailable. */
export function storeUnavailable(cause: unknown): SealwireError {
  return new SealwireError("UNAVAILABLE", "The server's store cannot be used just now; try again.", {
    retryDelayMs: AWAY_RETRY_MS,
    cause,
  });
}

/** The error for an operation that the store does not permit this server until somebody grants it. */
export function storeDenies(cause: unknown): SealwireError {
  return new SealwireError("UNAVAILABLE", "The server lacks a privilege in its store; its log has the cause.", {
    retryDelayMs: DENIED_RETRY_MS,
    cause,
  });
}

/** The error for a closed store. */
export function storeClosed(): SealwireError {
  return new SealwireError("UNAVAILABLE", "The server's store is closed.", { retryDelayMs: AWAY_RETRY_MS });
}

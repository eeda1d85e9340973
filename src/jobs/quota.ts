import { SealwireError } from "../errors.ts";

const RETRY_MS = 1000;

/** The error for a job above the key's limit of open jobs. */
export function quotaExceeded(openJobsMax: number): SealwireError {
  const text = `${openJobsMax} jobs are open, the maximum of the key; wait for one to end.`;
  return new SealwireError("QUOTA_EXCEEDED", text, { retryDelayMs: RETRY_MS });
}

import type { JobPolicy } from "./job.ts";

/**
 * The delay in milliseconds after the `failures`-th failed attempt (1 or more): the one that the attempt's error asks
 * for, or one that doubles with each failure; never above the policy's limit.
 */
export function backoffMs(
  policy: Pick<JobPolicy, "initialBackoffMs" | "maxBackoffMs">,
  failures: number,
  askedMs: number | undefined,
): number {
  return Math.min(askedMs ?? policy.initialBackoffMs * 2 ** (failures - 1), policy.maxBackoffMs);
}

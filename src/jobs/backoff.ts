import type { JobPolicy } from "./job.ts";

/**
 * The delay in milliseconds after the `failures`-th failed attempt (1 or more). It doubles up to the policy's limit.
 */
export function backoffMs(policy: Pick<JobPolicy, "initialBackoffMs" | "maxBackoffMs">, failures: number): number {
  return Math.min(policy.initialBackoffMs * 2 ** (failures - 1), policy.maxBackoffMs);
}

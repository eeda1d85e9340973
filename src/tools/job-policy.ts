import type { JobPolicy as JobPolicyMessage } from "../../gen/sealwire/v1/options.ts";
import { SealwireError } from "../errors.ts";
import type { JobPolicy } from "../jobs/job.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../runtime/time-span.ts";
import { fromDurationMs, toDurationMs } from "../wire/duration.ts";

/** A century. Keeps all times within the range of google.protobuf.Timestamp. */
const MOST_DAYS = 36_500;

/** Default policy of a job tool. `sealwire/v1/options.proto` documents the same values. */
export const DEFAULT_JOB_POLICY: JobPolicy = {
  priority: 0,
  executionTimeoutMs: HOUR_MS,
  queueTimeoutMs: DAY_MS,
  heartbeatTimeoutMs: undefined,
  maxAttempts: 3,
  initialBackoffMs: SECOND_MS,
  maxBackoffMs: 5 * MINUTE_MS,
  retentionMs: DAY_MS,
  cancelGraceMs: 10 * SECOND_MS,
};

/**
 * Applies the defaults to a tool's `(sealwire.v1.job)` option. Throws OPTIONS_INVALID for a value that is out of range.
 */
export function resolveJobPolicy(option: JobPolicyMessage, method: string): JobPolicy {
  const duration = (field: string, value: JobPolicyMessage["retention"], fallback: number): number => {
    if (value === undefined) return fallback;
    const ms = toDurationMs(value);
    if (!(ms > 0)) throw invalid(method, field, "must be longer than 0");
    if (ms > MOST_DAYS * DAY_MS) throw invalid(method, field, `must be ${MOST_DAYS} days or less`);
    return ms;
  };
  const policy: JobPolicy = {
    priority: option.priority,
    executionTimeoutMs: duration("execution_timeout", option.executionTimeout, DEFAULT_JOB_POLICY.executionTimeoutMs),
    queueTimeoutMs: duration("queue_timeout", option.queueTimeout, DEFAULT_JOB_POLICY.queueTimeoutMs),
    heartbeatTimeoutMs: option.heartbeatTimeout && duration("heartbeat_timeout", option.heartbeatTimeout, 0),
    maxAttempts: option.maxAttempts === 0 ? DEFAULT_JOB_POLICY.maxAttempts : option.maxAttempts,
    initialBackoffMs: duration("initial_backoff", option.initialBackoff, DEFAULT_JOB_POLICY.initialBackoffMs),
    maxBackoffMs: duration("max_backoff", option.maxBackoff, DEFAULT_JOB_POLICY.maxBackoffMs),
    retentionMs: duration("retention", option.retention, DEFAULT_JOB_POLICY.retentionMs),
    cancelGraceMs: duration("cancel_grace", option.cancelGrace, DEFAULT_JOB_POLICY.cancelGraceMs),
  };
  if (Math.abs(policy.priority) > 100) throw invalid(method, "priority", "must be -100 to 100");
  if (policy.maxAttempts < 1 || policy.maxAttempts > 100) throw invalid(method, "max_attempts", "must be 1 to 100");
  if (policy.retentionMs < DAY_MS) throw invalid(method, "retention", "must be 24 hours or more");
  return policy;
}

/** The policy as shown by `list_tools`, with all defaults. */
export function toPolicyMessage(policy: JobPolicy): JobPolicyMessage {
  return {
    executionTimeout: fromDurationMs(policy.executionTimeoutMs),
    queueTimeout: fromDurationMs(policy.queueTimeoutMs),
    heartbeatTimeout: policy.heartbeatTimeoutMs === undefined ? undefined : fromDurationMs(policy.heartbeatTimeoutMs),
    maxAttempts: policy.maxAttempts,
    initialBackoff: fromDurationMs(policy.initialBackoffMs),
    maxBackoff: fromDurationMs(policy.maxBackoffMs),
    retention: fromDurationMs(policy.retentionMs),
    cancelGrace: fromDurationMs(policy.cancelGraceMs),
    priority: policy.priority,
  };
}

function invalid(method: string, field: string, rule: string): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `Option (sealwire.v1.job).${field} of ${method} ${rule}.`);
}

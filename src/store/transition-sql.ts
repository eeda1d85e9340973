import { isTerminal, TRANSITIONS, type TransitionName } from "../jobs/transitions.ts";

/**
 * When a queued job may start, Unix milliseconds; `:now` if it is said to wait longer than any backoff can make it:
 * then the clock was set back meanwhile.
 */
export const DUE_AT = "CASE WHEN run_at_ms - max_backoff_ms > :now THEN :now ELSE run_at_ms END";

/** What a claim sets, whichever engine makes it. */
export const CLAIM_SET = [
  "attempt = attempt + 1",
  "started_at_ms = :now",
  "queue_deadline_ms = NULL",
  "progress_completed = NULL",
  "progress_total = NULL",
  "progress_message = NULL",
  "error = NULL",
] as const;

/**
 * When a job ends: `:now`, but never before another job of its owner. So whoever knows all ends up to one time misses none
 * by asking for those from that time on, also where a clock was set back.
 */
export const ENDED_AT = `coalesce(
  (SELECT max(ended_at_ms) FROM job AS other WHERE other.owner = job.owner AND other.ended_at_ms > :now), :now)`;

/**
 * The statement that takes one job through a transition and returns its row, or none if the job is not in the
 * transition's state. Parameters: `:jobId`, for terminal states `:now`, and those in `set` and `where`.
 */
export function transitionSql(
  name: TransitionName,
  { set = [], where = [] }: { readonly set?: readonly string[]; readonly where?: readonly string[] } = {},
): string {
  const { from, to } = TRANSITIONS[name];
  const assignments = [
    `state = '${to}'`,
    "revision = revision + 1",
    ...(isTerminal(to) ? [`ended_at_ms = ${ENDED_AT}`, "expires_at_ms = :now + retention_ms"] : []),
    ...set,
  ];
  const conditions = ["job_id = :jobId", `state = '${from}'`, ...where];
  return `UPDATE job SET ${assignments.join(", ")} WHERE ${conditions.join(" AND ")} RETURNING *`;
}

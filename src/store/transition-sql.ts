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

/** What a transition does beside what its table says. */
export interface TransitionSpec {
  /** Assignments, such as `error = :error`. */
  readonly set?: readonly string[];
  /** Conditions. */
  readonly where?: readonly string[];
  /** The columns to return; default: all. */
  readonly returning?: readonly string[];
}

/** Everything that a transition sets, as `column = value`. */
export function assignmentsOf(name: TransitionName, set: readonly string[] = []): readonly string[] {
  const { to } = TRANSITIONS[name];
  return [
    `state = '${to}'`,
    "revision = revision + 1",
    ...(isTerminal(to) ? [`ended_at_ms = ${ENDED_AT}`, "expires_at_ms = :now + retention_ms"] : []),
    ...set,
  ];
}

/**
 * The statement that takes one job through a transition and returns its row, or none if the job is not in the
 * transition's state. Parameters: `:jobId`, for terminal states `:now`, and those in `set` and `where`.
 */
export function transitionSql(
  name: TransitionName,
  { set = [], where = [], returning = ["*"] }: TransitionSpec = {},
): string {
  const conditions = ["job_id = :jobId", `state = '${TRANSITIONS[name].from}'`, ...where];
  return `UPDATE job SET ${assignmentsOf(name, set).join(", ")} WHERE ${conditions.join(" AND ")} RETURNING ${returning.join(", ")}`;
}

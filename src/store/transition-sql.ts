import { isTerminal, TRANSITIONS, type TransitionName } from "../jobs/transitions.ts";

/**
 * The time from which a queued job may start, Unix milliseconds. It is `:now` if the job would wait longer than its
 * maximum backoff, which means that the clock was set back.
 */
export const DUE_AT = "CASE WHEN run_at_ms - max_backoff_ms > :now THEN :now ELSE run_at_ms END";

/** The columns that a claim sets in every engine. */
export const CLAIM_SET = [
  "attempt = attempt + 1",
  "started_at_ms = :now",
  "queue_deadline_ms = NULL",
  "progress_completed = NULL",
  "progress_total = NULL",
  "progress_message = NULL",
  "error = NULL",
] as const;

/** Assigns the process of the latest attempt (src/jobs/attempt-record.ts). */
export const RUN_BY = "instance_id = :instanceId";
/** Removes it, because the attempt has returned the job to the queue. */
export const RUN_BY_NONE = "instance_id = NULL";

/**
 * The end time of a job: `:now`, but never before the end of another job of its owner. A reader that knows all ends up
 * to a time therefore misses none by requesting those from that time on, even if a clock was set back.
 */
export const ENDED_AT = `coalesce(
  (SELECT max(ended_at_ms) FROM job AS other WHERE other.owner = job.owner AND other.ended_at_ms > :now), :now)`;

/**
 * The end of an ended job's retention, which begins with its creation at the earliest: the clock may have been set back, or that
 * of another process may be behind.
 */
export const EXPIRES_AT = "retention_ms + CASE WHEN created_at_ms > :now THEN created_at_ms ELSE :now END";

/** Additions to the statement of a transition. */
export interface TransitionSpec {
  /** Assignments, such as `error = :error`. */
  readonly set?: readonly string[];
  /** Conditions. */
  readonly where?: readonly string[];
  /** The columns to return; default: all. */
  readonly returning?: readonly string[];
}

/** All assignments of a transition, as `column = value`. */
export function assignmentsOf(name: TransitionName, set: readonly string[] = []): readonly string[] {
  const { to } = TRANSITIONS[name];
  return [
    `state = '${to}'`,
    "revision = revision + 1",
    ...(isTerminal(to) ? [`ended_at_ms = ${ENDED_AT}`, `expires_at_ms = ${EXPIRES_AT}`] : []),
    ...set,
  ];
}

/**
 * The statement that applies a transition to one job and returns its row, or no row if the job is not in the required
 * state. Parameters: `:jobId`, for terminal states `:now`, and those in `set` and `where`.
 */
export function transitionSql(
  name: TransitionName,
  { set = [], where = [], returning = ["*"] }: TransitionSpec = {},
): string {
  const conditions = ["job_id = :jobId", `state = '${TRANSITIONS[name].from}'`, ...where];
  return `UPDATE job SET ${assignmentsOf(name, set).join(", ")} WHERE ${conditions.join(" AND ")} RETURNING ${returning.join(", ")}`;
}

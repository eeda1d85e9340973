import { isTerminal, TRANSITIONS, type TransitionName } from "../transitions.ts";

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
    ...(isTerminal(to) ? ["ended_at_ms = :now", "expires_at_ms = :now + retention_ms"] : []),
    ...set,
  ];
  const conditions = ["job_id = :jobId", `state = '${from}'`, ...where];
  return `UPDATE job SET ${assignments.join(", ")} WHERE ${conditions.join(" AND ")} RETURNING *`;
}

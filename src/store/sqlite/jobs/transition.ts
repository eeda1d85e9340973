import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { JobRow } from "../../../jobs/job-row.ts";
import { TRANSITIONS, type TransitionName } from "../../../jobs/transitions.ts";
import { assignmentsOf, type TransitionSpec, transitionSql } from "../../transition-sql.ts";
import { NamedStatement, type Parameters } from "../named-statement.ts";
import type { JobCounts } from "./job-counts.ts";

/**
 * Applies a transition to a job. `row` is the job's row at any time since it was last queued or its attempt began.
 * Returns the new row, or `undefined` if the job is in another state.
 */
export type ApplyTransition = (row: JobRow, parameters: Parameters) => JobRow | undefined;

/** Columns that may have changed since the row was read, in addition to those that the transition sets. */
const CHANGED_MEANWHILE = [
  "cancel_requested",
  "progress_completed",
  "progress_total",
  "progress_message",
  "run_at_ms",
  "error",
];

type Value = (parameters: Parameters) => SQLInputValue;

/** Prepares a transition. Its parameters are those of the statement without `:jobId`. */
export function prepareTransition(
  db: DatabaseSync,
  counts: JobCounts,
  name: TransitionName,
  spec: Omit<TransitionSpec, "returning"> = {},
): ApplyTransition {
  const { from, to } = TRANSITIONS[name];
  const known: (readonly [column: string, value: Value])[] = [];
  const asked = new Set(CHANGED_MEANWHILE);
  for (const assignment of assignmentsOf(name, spec.set)) {
    const [, column = "", value = ""] = /^(\w+) = (.*)$/s.exec(assignment) ?? [];
    const constant = constantOf(value);
    if (constant === undefined) asked.add(column);
    else {
      asked.delete(column);
      known.push([column, constant]);
    }
  }
  const returning = [...asked];
  const statement = new NamedStatement(db, transitionSql(name, { ...spec, returning }));
  return (row, parameters) => {
    const changes = statement.get({ ...parameters, jobId: row.job_id });
    if (changes === undefined) return undefined;
    counts.moved(row.owner, from, to);
    const changed: Record<string, unknown> = { ...row };
    for (const [column, value] of known) changed[column] = value(parameters);
    for (const column of returning) changed[column] = changes[column];
    return changed as unknown as JobRow;
  };
}

/** Computes an assigned value without the database; `undefined` if that is not possible. */
function constantOf(value: string): Value | undefined {
  if (value === "NULL") return () => null;
  if (value === "TRUE") return () => 1;
  const [, text, parameter] = /^(?:'(\w+)'|:(\w+))$/.exec(value) ?? [];
  if (text !== undefined) return () => text;
  if (parameter !== undefined) return (parameters) => parameters[parameter] as SQLInputValue;
  return undefined;
}

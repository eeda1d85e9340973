import type { Timestamp } from "../../gen/google/protobuf/timestamp.ts";
import { SealwireError } from "../errors.ts";
import { isTime, toTimeMs } from "../wire/duration.ts";

/** The time in a field of a request, in Unix milliseconds. Throws ARGS_INVALID naming the field if it is no valid time. */
export function timeIn(field: string, time: Timestamp): number {
  if (isTime(time)) return toTimeMs(time);
  const problem = "must be a time from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z";
  throw new SealwireError("ARGS_INVALID", `${field} ${problem}.`, {
    violations: [{ field, ruleId: "timestamp", message: problem }],
  });
}

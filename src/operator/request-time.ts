import type { Timestamp } from "../../gen/google/protobuf/timestamp.ts";
import { SealwireError } from "../errors.ts";
import { toTimeMs } from "../wire/duration.ts";

const NANOS = 1_000_000_000;
/** The years that a google.protobuf.Timestamp can represent, 1 to 9999, in Unix seconds. */
const FIRST_SECOND = -62_135_596_800n;
const LAST_SECOND = 253_402_300_799n;

/** The time in a field of a request, in Unix milliseconds. Throws ARGS_INVALID naming the field if it is no valid time. */
export function timeIn(field: string, time: Timestamp): number {
  const { seconds, nanos } = time;
  if (seconds >= FIRST_SECOND && seconds <= LAST_SECOND && nanos >= 0 && nanos < NANOS) return toTimeMs(time);
  const problem = "must be a time from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z";
  throw new SealwireError("ARGS_INVALID", `${field} ${problem}.`, {
    violations: [{ field, ruleId: "timestamp", message: problem }],
  });
}

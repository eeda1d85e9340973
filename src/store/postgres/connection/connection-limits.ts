import type { NumberRange } from "../../../runtime/number-range.ts";

/** Range of the number of database connections of a store. */
export const CONNECTION_LIMITS: NumberRange = { least: 1, most: 1_000 };

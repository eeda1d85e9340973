import type { NumberRange } from "../../../runtime/number-range.ts";

/** How many connections to the database a store may have. */
export const CONNECTION_LIMITS: NumberRange = { least: 1, most: 1_000 };

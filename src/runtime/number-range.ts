import { SealwireError } from "../errors.ts";

/** The values that an option accepts, both bounds included. */
export interface NumberRange {
  readonly least: number;
  readonly most: number;
  /** True to allow fractions. */
  readonly fraction?: boolean;
}

/** True for a number in the range. */
export function isInRange(value: unknown, { least, most, fraction = false }: NumberRange): value is number {
  return typeof value === "number" && value >= least && value <= most && (fraction || Number.isInteger(value));
}

/** Completes "must be …". */
export function describeRange({ least, most, fraction = false }: NumberRange): string {
  return `a${fraction ? "" : " whole"} number from ${least} to ${most}`;
}

/**
 * Returns `value` if it is in the range. Throws OPTIONS_INVALID naming the option otherwise, also for a value that is
 * not a number.
 */
export function checkNumber(name: string, value: number, range: NumberRange): number {
  if (isInRange(value, range)) return value;
  throw new SealwireError("OPTIONS_INVALID", `${name} is ${String(value)}; it must be ${describeRange(range)}.`);
}

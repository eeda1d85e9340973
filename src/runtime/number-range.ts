import { SealwireError } from "../errors.ts";

/** What values an option takes; both bounds are allowed. */
export interface NumberRange {
  readonly least: number;
  readonly most: number;
  /** True to allow fractions. */
  readonly fraction?: boolean;
}

/** True for a number that lies in the range. */
export function isInRange(value: unknown, { least, most, fraction = false }: NumberRange): value is number {
  return typeof value === "number" && value >= least && value <= most && (fraction || Number.isInteger(value));
}

/** Completes "must be …". */
export function describeRange({ least, most, fraction = false }: NumberRange): string {
  return `a${fraction ? "" : " whole"} number from ${least} to ${most}`;
}

/** Gives a value back that lies in its range. Throws OPTIONS_INVALID naming the option, also for what is no number. */
export function checkNumber(name: string, value: number, range: NumberRange): number {
  if (isInRange(value, range)) return value;
  throw new SealwireError("OPTIONS_INVALID", `${name} is ${String(value)}; it must be ${describeRange(range)}.`);
}

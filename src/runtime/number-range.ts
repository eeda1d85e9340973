import { SealwireError } from "../errors.ts";

/** What values an option takes; both bounds are allowed. */
export interface NumberRange {
  readonly least: number;
  readonly most: number;
  /** True to allow fractions. */
  readonly fraction?: boolean;
}

/** Gives a value back that lies in its range. Throws OPTIONS_INVALID naming the option, also for what is no number. */
export function checkNumber(name: string, value: number, { least, most, fraction = false }: NumberRange): number {
  if (value >= least && value <= most && (fraction ? typeof value === "number" : Number.isInteger(value))) return value;
  const kind = fraction ? "a number" : "a whole number";
  throw new SealwireError(
    "OPTIONS_INVALID",
    `${name} is ${String(value)}; it must be ${kind} from ${least} to ${most}.`,
  );
}

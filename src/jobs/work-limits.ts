import { checkNumber, type NumberRange } from "../runtime/number-range.ts";
import type { WorkOptions } from "./engine.ts";

/** The ranges of {@link WorkOptions}. */
export const WORK_LIMITS = {
  concurrency: { least: 1, most: 10_000 },
  perOwner: { least: 1, most: 10_000 },
} as const satisfies Readonly<Record<keyof WorkOptions, NumberRange>>;

/** Throws OPTIONS_INVALID for an option that is out of range. The message names it after `prefix`. */
export function checkWorkOptions({ concurrency, perOwner }: WorkOptions, prefix = ""): void {
  checkNumber(`${prefix}concurrency`, concurrency, WORK_LIMITS.concurrency);
  if (perOwner !== undefined) checkNumber(`${prefix}perOwner`, perOwner, WORK_LIMITS.perOwner);
}

/** Range of the grace period of a shutdown, in milliseconds. */
export const GRACE_LIMITS: NumberRange = { least: 0, most: 86_400_000, fraction: true };

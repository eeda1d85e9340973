import type { Reason } from "../../src/errors.ts";
import { ASTRAY_WAYS } from "./astray.ts";

/** The called tools of the victims and their upstreams, with the end of their argument: a time, or a kind of stray work. */
export const TOOLS = {
  toil: { isJob: true, argumentEnd: 400 },
  pay: { isPayment: true, argumentEnd: 1 },
  stray_job: { isJob: true, argumentEnd: ASTRAY_WAYS },
  stray_call: { argumentEnd: ASTRAY_WAYS },
  carry: { isJob: true, argumentEnd: 400 },
  stream: { isJob: true, argumentEnd: 400 },
  charge: { isPayment: true, argumentEnd: 100 },
  charge_by_key: { isPayment: true, isRepeatable: true, argumentEnd: 100 },
} as const satisfies Readonly<Record<string, ToolFacts>>;
/** Reasons with which a call of a tool with stray work fails, besides those of the faults. */
export const STRAY_REASONS: ReadonlySet<string> = new Set<Reason>(["TOOL_FAILED", "INTERNAL"]);

/** Name of a called tool. */
export type Tool = keyof typeof TOOLS;

/** What the traffic knows of a tool. */
export interface ToolFacts {
  readonly isJob?: boolean;
  /** True if it has side effects and returns a token. */
  readonly isPayment?: boolean;
  /** True if its intents can be repeated until they are answered. */
  readonly isRepeatable?: boolean;
  readonly argumentEnd: number;
}

/** The tools that are called most, and those that are called beside them. */
export const CALLED = {
  own: { most: ["toil"], beside: ["pay"] },
  upstream: { most: ["carry", "stream", "charge", "charge_by_key"], beside: ["charge", "charge_by_key"] },
} as const satisfies Readonly<Record<string, Readonly<Record<"most" | "beside", readonly Tool[]>>>>;

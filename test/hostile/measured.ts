import { assert } from "../support/suite.ts";
import type { GoodCalls } from "./good-client-process.ts";

/** The honest client's calls of one interval. Times in milliseconds. */
export interface CallSummary {
  readonly calls: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** How many calls failed, by reason. */
  readonly failures: Readonly<Record<string, number>>;
}

/** What {@link HostileSite.measure} found. */
export interface Measured {
  readonly name: string;
  /** Without the attack. */
  readonly calm: CallSummary;
  /** Beside it. */
  readonly attacked: CallSummary;
  /** How much of the attack reached the server, as the attack counts. */
  readonly count: number;
  /** What the server has resident, in MiB. */
  readonly memory: { readonly before: number; readonly peak: number };
}

/** What an attack may cost the server, and what it must have come to. No call of the honest client may fail. */
export interface Harm {
  /** How much the server's resident memory may grow, in MiB. */
  readonly growthMiB: number;
  /** The attack must have come to so much, or it did not take place. */
  readonly countLeast: number;
}

/** Sums an interval up. */
export function summarize({ tookMs, failures }: GoodCalls): CallSummary {
  const sorted = tookMs.toSorted((one, other) => one - other);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
  return { calls: tookMs.length + count(failures), p50: at(0.5), p99: at(0.99), max: at(1), failures };
}

/** Prints what was found, for whoever reads the run. */
export function printMeasured({ name, calm, attacked, count: attacks, memory }: Measured): void {
  const line = (label: string, { calls, p50, p99, max, failures }: CallSummary): void =>
    console.log(
      `${label} p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms, ${count(failures)} of ${calls} calls failed ${Object.keys(failures)}`.trimEnd(),
    );
  console.log(`${name}:`);
  line("  without:", calm);
  line("  beside: ", attacked);
  console.log(`  attack:  ${attacks}`);
  console.log(`  server:  ${memory.before.toFixed(0)} MiB before, ${memory.peak.toFixed(0)} MiB at most`);
}

/**
 * What goes beyond the bounds; empty if the honest client got every answer before its calls ran out of time and the
 * server's memory stayed small. How long the answers took is printed, not judged: that is as much the machine's as ours.
 */
export function harmDone(measured: Measured, { growthMiB, countLeast }: Harm): string[] {
  const { attacked, memory } = measured;
  const found: string[] = [];
  if (!(measured.count >= countLeast))
    found.push(`the attack did not take place: it came to ${measured.count}, not to ${countLeast}`);
  if (attacked.calls === 0) found.push("the honest client has not called");
  for (const [reason, times] of Object.entries(attacked.failures)) found.push(`${times} calls failed: ${reason}`);
  if (!(memory.peak - memory.before < growthMiB)) found.push(`memory ${memory.before} MiB grew to ${memory.peak} MiB`);
  return found;
}

/** Fails if anything goes beyond the bounds. */
export function assertUnharmed(measured: Measured, harm: Harm): void {
  assert.equal(harmDone(measured, harm), []);
}

/** How many calls failed, over all reasons. */
export function count(failures: Readonly<Record<string, number>>): number {
  return Object.values(failures).reduce((sum, each) => sum + each, 0);
}

import { type Failpoint, SITES } from "./failpoints.ts";
import type { Scenario } from "./scenario.ts";
import type { Dice } from "./seeded-random.ts";
import { LOG_TARGETS, type LogTarget } from "./victim-log.ts";

/** The faults of the next process. */
export interface Fate {
  readonly failpoint: Failpoint | undefined;
  readonly clockOffsetMs: number;
  /** The target of its log. */
  readonly log: LogTarget;
  /** When it is frozen from outside, and for how long. */
  readonly freeze: { readonly afterMs: number; readonly forMs: number } | undefined;
  /** When it is ended from outside, if it has not ended before, and by which signal. */
  readonly lifeMs: number;
  readonly signal: "SIGKILL" | "SIGTERM";
}

/** How long a process is frozen. With a shared store this is longer than its lease. */
export const FROZEN_MS = { sqlite: [200, 1_000], postgres: [11_000, 15_000] } as const;
/** How long a process may continue after it was frozen. */
export const AWAKE_MS = 1_500;
/** Time within which every server serves all clients after the last fault, even on a new store, in milliseconds. */
export const SERVED_WITHIN_MS = 10_000;
/** Clock offsets, up to an hour. */
export const CLOCK_OFFSETS_MS = [0, 0, 0, 0, 0, -3_600_000, -200_000, -30_000, 30_000, 200_000, 3_600_000];
/** The fraction of processes whose log is not simply read. */
const ODD_LOGS = 0.2;
/** Maximum number of passes through a site before the fault; lower at other sites. */
const LONGEST_COUNT = { commit: 60, nonce: 60, intent: 8, sweep: 3 } as const;

/** A process without faults. */
export const UNHARMED = { failpoint: undefined, clockOffsetMs: 0, log: "read" } as const;

/** A process without faults that lives until a strike is over. */
export const SPARED: Fate = { ...UNHARMED, freeze: undefined, lifeMs: 60_000, signal: "SIGKILL" };

/** Draws the faults of the next process. */
export function drawFate(dice: Dice, { engine, ends, clocks, freezes, lifeMs: longestMs }: Scenario): Fate {
  if (ends === "drain" || (ends === "either" && dice.chance(0.3)))
    return { ...UNHARMED, freeze: undefined, lifeMs: dice.between(50, longestMs), signal: "SIGTERM" };
  const signal = "SIGKILL";
  const clockOffsetMs = clocks ? dice.pick(CLOCK_OFFSETS_MS) : 0;
  const log = dice.chance(ODD_LOGS) ? dice.pick(LOG_TARGETS) : "read";
  const lifeMs = dice.between(50, longestMs);
  const [least, end] = FROZEN_MS[engine];
  if (freezes && dice.chance(0.04)) {
    const freeze = { afterMs: dice.between(0, AWAKE_MS), forMs: dice.between(least, end) };
    return { failpoint: undefined, clockOffsetMs, log, freeze, lifeMs, signal };
  }
  // The other processes are killed, or disconnected, at a failpoint.
  if (dice.chance(0.3)) return { failpoint: undefined, clockOffsetMs, log, freeze: undefined, lifeMs, signal };
  const site = dice.pick(Object.keys(SITES) as (keyof typeof SITES)[]);
  const draw = dice.fraction();
  const action = freezes && draw < 0.08 ? "freeze" : draw < 0.25 && engine === "postgres" ? "sever" : "kill";
  const longest: number = LONGEST_COUNT[site as keyof typeof LONGEST_COUNT] ?? 15;
  const failpoint = {
    site,
    side: dice.pick(["before", "after"] as const),
    count: dice.between(1, longest),
    action,
  } as const;
  const frozen = action === "freeze" ? dice.between(least, end) : 0;
  return { failpoint, clockOffsetMs, log, freeze: undefined, lifeMs: longestMs + frozen, signal };
}

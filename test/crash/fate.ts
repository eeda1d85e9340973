import { type Failpoint, SITES } from "./failpoints.ts";
import type { Dice } from "./seeded-random.ts";
import type { EngineName } from "./site.ts";

/** How the next life of a process goes. */
export interface Fate {
  readonly failpoint: Failpoint | undefined;
  readonly clockOffsetMs: number;
  /** From when it is frozen from outside, and for how long. */
  readonly freeze: { readonly afterMs: number; readonly forMs: number } | undefined;
  /** When it is killed from outside if it has not died by then. */
  readonly lifeMs: number;
}

/** Longest life of a process. Those that share a store have to be up together now and then. */
const LIFE_MS = { sqlite: 1_500, postgres: 5_000 } as const;
/** How long a process is frozen: in a shared store for longer than its lease. */
export const FROZEN_MS = { sqlite: [200, 1_000], postgres: [11_000, 15_000] } as const;
/** How long one that was frozen may go on. */
export const AWAKE_MS = 1_500;
/** How far clocks are off. */
export const CLOCK_OFFSETS_MS = [0, 0, 0, 0, -200_000, -30_000, 30_000, 200_000];
/** How often a life comes by at most at a site; elsewhere less. */
const LONGEST_COUNT = { commit: 60, nonce: 60, intent: 8, sweep: 3 } as const;

/** A life with nothing to fear. */
export const UNHARMED = { failpoint: undefined, clockOffsetMs: 0 };

/** Draws the next life of a process. */
export function drawFate(dice: Dice, engine: EngineName): Fate {
  const clockOffsetMs = dice.pick(CLOCK_OFFSETS_MS);
  const lifeMs = dice.between(50, LIFE_MS[engine]);
  const [least, end] = FROZEN_MS[engine];
  if (dice.chance(0.04)) {
    const freeze = { afterMs: dice.between(0, AWAKE_MS), forMs: dice.between(least, end) };
    return { failpoint: undefined, clockOffsetMs, freeze, lifeMs };
  }
  // The others die, or are cut off, in the midst of something.
  if (dice.chance(0.3)) return { failpoint: undefined, clockOffsetMs, freeze: undefined, lifeMs };
  const site = dice.pick(Object.keys(SITES) as (keyof typeof SITES)[]);
  const draw = dice.fraction();
  const action = draw < 0.08 ? "freeze" : draw < 0.25 && engine === "postgres" ? "sever" : "kill";
  const longest: number = LONGEST_COUNT[site as keyof typeof LONGEST_COUNT] ?? 15;
  const failpoint = {
    site,
    side: dice.pick(["before", "after"] as const),
    count: dice.between(1, longest),
    action,
  } as const;
  const frozen = action === "freeze" ? dice.between(least, end) : 0;
  return { failpoint, clockOffsetMs, freeze: undefined, lifeMs: LIFE_MS[engine] + frozen };
}

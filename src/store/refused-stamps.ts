/** How many nonces of frames refused for standing ahead are kept one by one, for each client. */
export const REFUSED_NONCES_MAX = 1_000;
/** The same over all clients. */
export const REFUSED_NONCES_TOTAL_MAX = 100_000;
/** Nonces of stamps further ahead than this are never kept one by one, in milliseconds. */
export const FAR_AHEAD_MS = 24 * 60 * 60 * 1000;

/** Stamps from `fromMs` to `toMs`, both included, Unix milliseconds. */
export interface StampRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Into which of a client's ranges a refused stamp goes: 0 up to a day ahead, then one for each doubling. A client has at
 * most 40 ranges, and two stamps that lie years apart do not make one range of all between.
 */
export function bandOf(aheadMs: number): number {
  return aheadMs <= FAR_AHEAD_MS ? 0 : 1 + Math.floor(Math.log2(aheadMs / FAR_AHEAD_MS));
}

/** Ranges grow in steps of this, in milliseconds, so that a client which goes on costs one write in so long. */
const STEP_MS = 10_000;

/** The range that covers one refused stamp. */
export function rangeAround(tsMs: number): StampRange {
  const fromMs = Math.floor(clampStamp(tsMs) / STEP_MS) * STEP_MS;
  return { fromMs, toMs: Math.min(fromMs + STEP_MS - 1, Number.MAX_SAFE_INTEGER) };
}

/** A stamp may be any int64; no clock comes to what is beyond the safe integers. */
export function clampStamp(tsMs: number): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(tsMs, Number.MAX_SAFE_INTEGER));
}

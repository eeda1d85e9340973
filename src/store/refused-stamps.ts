/** Maximum number of nonces per client, of frames refused for being ahead, that are stored individually. */
export const REFUSED_NONCES_MAX = 1_000;
/** Maximum number of such nonces of all clients. */
export const REFUSED_NONCES_TOTAL_MAX = 100_000;
/** Nonces of frames that are further ahead are stored as ranges only, in milliseconds. */
export const FAR_AHEAD_MS = 24 * 60 * 60 * 1000;

/** Timestamps from `fromMs` to `toMs`, inclusive, Unix milliseconds. */
export interface StampRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The number of a client's range for a refused timestamp: 0 up to a day ahead, then one range per doubling. A client
 * has at most 40 ranges, and timestamps that are years apart are not merged into one range.
 */
export function bandOf(aheadMs: number): number {
  return aheadMs <= FAR_AHEAD_MS ? 0 : 1 + Math.floor(Math.log2(aheadMs / FAR_AHEAD_MS));
}

/** Ranges grow in steps of this size, in milliseconds, so that continuing refused frames cause one write per step. */
const STEP_MS = 10_000;

/** The range that covers one refused timestamp. */
export function rangeAround(tsMs: number): StampRange {
  const fromMs = Math.floor(clampStamp(tsMs) / STEP_MS) * STEP_MS;
  return { fromMs, toMs: Math.min(fromMs + STEP_MS - 1, Number.MAX_SAFE_INTEGER) };
}

/** Limits a timestamp, which may be any int64, to the safe integers. */
export function clampStamp(tsMs: number): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(tsMs, Number.MAX_SAFE_INTEGER));
}

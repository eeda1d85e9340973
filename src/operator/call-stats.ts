/** The calls that ended within one period of ten seconds. */
export interface CallPeriod {
  /** Start of the period, Unix milliseconds. */
  readonly startMs: number;
  /** Number of calls that ended. */
  readonly calls: number;
  /** Number of those that were refused or failed. */
  readonly failures: number;
  /**
   * Time in which half of the calls ended, in milliseconds, within a tenth. Watches and polls, which wait, are left out.
   * 0 if there was no other call.
   */
  readonly p50Ms: number;
  /** Time in which 99 of 100 calls ended, otherwise like `p50Ms`. */
  readonly p99Ms: number;
}

/** Counts of the calls of one process. */
export interface CallStats {
  /** Number of calls that ended since the process started. */
  readonly calls: number;
  /** Those of them that were refused or failed, by reason. */
  readonly failures: ReadonlyMap<string, number>;
  /** The latest 15 minutes, oldest first, without the current period. Periods without calls are included. */
  readonly periods: readonly CallPeriod[];
  /** The failures of `periods`, by reason. */
  readonly recentFailures: ReadonlyMap<string, number>;
  /** `p50Ms` and `p99Ms` over all of `periods`. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Provides the counts of this process. */
export interface CallStatsSource {
  read(): CallStats;
}

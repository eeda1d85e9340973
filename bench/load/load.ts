/** Duration and concurrency of an interval. */
export interface Interval {
  readonly callers: number;
  readonly durationMs: number;
}

/** The result of an interval. */
export interface Sample {
  readonly calls: number;
  /** From the first call to the last answer. Shorter than requested if the prepared requests were used up. */
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** CPU time of the load itself, in microseconds. */
  readonly loadCpuUs: number;
}

/** Calls a server with maximum throughput. */
export interface Load extends AsyncDisposable {
  /** Prepares requests. Loads without prepared requests use the number as a limit. */
  prepare(count: number): void;
  /** Calls until the time or the prepared requests are used up. Throws on the first unexpected answer. */
  run(interval: Interval): Promise<Sample>;
}

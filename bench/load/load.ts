/** How long to call, and how many calls are under way at any time. */
export interface Interval {
  readonly callers: number;
  readonly durationMs: number;
}

/** What an interval gave. */
export interface Sample {
  readonly calls: number;
  /** From the first call to the last answer: shorter than asked for where the prepared requests ran out. */
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** What the load itself took of its processor, in microseconds. */
  readonly loadCpuUs: number;
}

/** Calls a server as fast as it answers. */
export interface Load extends AsyncDisposable {
  /** Makes this many requests beforehand. Loads that need nothing made take it as a limit. */
  prepare(count: number): void;
  /** Calls until the time or the prepared requests are used up. Throws at the first answer that is not the expected one. */
  run(interval: Interval): Promise<Sample>;
}

/** What a process has used so far, and what it holds now. */
export interface Usage {
  /** Time on the processor in microseconds, of all threads, in user and system mode. */
  readonly cpuUs: number;
  readonly rssBytes: number;
}

/** What this process has used since it started. */
export function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system, rssBytes: process.memoryUsage.rss() };
}

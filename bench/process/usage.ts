/** The CPU time and memory of a process. */
export interface Usage {
  /** User and system CPU time of all threads, in microseconds. */
  readonly cpuUs: number;
  readonly rssBytes: number;
}

/** The resource usage of this process since its start. */
export function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system, rssBytes: process.memoryUsage.rss() };
}

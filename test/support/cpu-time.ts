import { readFileSync } from "node:fs";

/** The unit of the times in /proc. */
const TICKS_PER_SECOND = 100;

/**
 * The CPU time, in seconds, of this process and of its descendants that were waited for. Descendants are counted on
 * Linux only. Daemons, such as a PostgreSQL server, are not counted.
 */
export function usedCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000 + childrenSeconds();
}

function childrenSeconds(): number {
  if (process.platform !== "linux") return 0;
  // Skips the program's name in parentheses, which may contain any character: proc_pid_stat(5).
  const fields = readFileSync("/proc/self/stat", "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

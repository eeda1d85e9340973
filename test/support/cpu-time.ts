import { readFileSync } from "node:fs";

/** Of the times in /proc. */
const TICKS_PER_SECOND = 100;

/**
 * How many seconds of processors this process has used, and the processes that it and they started and waited for. Those
 * are counted on Linux alone; daemons, such as a PostgreSQL server, nowhere.
 */
export function usedCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000 + childrenSeconds();
}

function childrenSeconds(): number {
  if (process.platform !== "linux") return 0;
  // The name of the program comes before, in parentheses, and may hold anything: proc_pid_stat(5).
  const fields = readFileSync("/proc/self/stat", "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** The cores of a server and its load in the format of `taskset -c`; `undefined` if processes cannot be pinned. */
export interface Cores {
  readonly server: string | undefined;
  readonly load: string | undefined;
  /** The cores of servers with several processes: all except the load's; if there are only two, both. */
  readonly several: string | undefined;
}

/** Selects one core for servers and another one for loads. Requires Linux, taskset and two available cores. */
export function pickCores(): Cores {
  const cores = hasTaskset() ? allowedCores() : [];
  const [server, load] = cores;
  if (server === undefined || load === undefined) return { server: undefined, load: undefined, several: undefined };
  const several = cores.length > 2 ? cores.filter((core) => core !== load) : cores;
  return { server: String(server), load: String(load), several: several.join() };
}

function hasTaskset(): boolean {
  try {
    execFileSync("taskset", ["--version"], { stdio: "ignore" });
    return process.platform === "linux";
  } catch {
    return false;
  }
}

/** The cores that this process may use: "0-2,5" means 0, 1, 2 and 5. */
function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
  return list.split(",").flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

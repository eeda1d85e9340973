import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Which cores a server and its load run on, as `taskset -c` takes them; `undefined` where nothing can be pinned. */
export interface Cores {
  readonly server: string | undefined;
  readonly load: string | undefined;
  /** For servers of several processes: all cores but the load's; where there are only two, both. */
  readonly several: string | undefined;
}

/** One core for servers and another one for loads. Needs Linux, taskset and two cores that this process may use. */
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

/** The cores that this process may run on: of "0-2,5" these are 0, 1, 2 and 5. */
function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
  return list.split(",").flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { readCommandLine } from "./command-line.ts";

/*
 * `npm run test:crash`: every scenario of the crash campaign with few kills, the planted faults, the lost workers. With
 * options the campaign alone:
 *
 *   --faults <names>  scenarios (test/crash/scenario.ts) with commas between
 *   --engine <name>   sqlite or postgres: that scenario
 *   --kills <n>       how many processes are killed at least in each; where processes only drain, how many drain
 *   --strikes <n>     how often the store is struck, or an upstream killed, at least in each
 *   --seed <n>        plays the faults of a run again
 */
let chosen: [string, string][] = [];
try {
  chosen = Object.entries(readCommandLine(process.argv.slice(2)));
} catch (error) {
  console.error((error as Error).message);
  process.exit(2);
}
const files = chosen.length === 0 ? ["crash/"] : ["crash/campaign"];
// The campaign alone has the machine to itself; otherwise the rest runs beside it, as both mostly wait.
const jobs = chosen.length === 0 ? "2" : "1";
const { status } = spawnSync(
  process.execPath,
  [join(import.meta.dirname, "../run.ts"), "--crash", "--jobs", jobs, "--show", ...files],
  {
    stdio: "inherit",
    env: {
      ...process.env,
      ...Object.fromEntries(chosen.map(([name, value]) => [`CRASH_${name.toUpperCase()}`, value])),
    },
  },
);
process.exitCode = status ?? 1;

import type { ClockRepair } from "../../../jobs/layout.ts";
import { repairSqliteClock } from "../../../jobs/sqlite/repair-clock.ts";
import { dataFolder } from "../../data-folder.ts";
import { ExitCode } from "../../exit-code.ts";
import { namedStore } from "../../store-option.ts";
import type { Terminal } from "../../terminal.ts";

/** What the command line says. */
export interface RepairClockOptions {
  readonly data?: string;
  readonly store?: string;
}

/** Lowers what a store holds of a time that has not come, after a clock stood ahead. */
export async function run(terminal: Terminal, options: RepairClockOptions): Promise<ExitCode> {
  terminal.say(describe(await repair(options, terminal.env)));
  return ExitCode.done;
}

/** The data folder, where it is named, counts more than a shared store that only the environment names. */
async function repair({ store, data }: RepairClockOptions, env: Terminal["env"]): Promise<ClockRepair> {
  const url = data !== undefined && store === undefined ? undefined : namedStore(store, env);
  if (url === undefined) return repairSqliteClock({ path: dataFolder(data).store });
  const { repairPostgresClock } = await import("../../../jobs/postgres/open.ts");
  return repairPostgresClock({ url });
}

function describe({ beforeMs, afterMs }: ClockRepair): string {
  if (beforeMs === afterMs) return "The store holds nothing of a time that has not come.";
  return `Frames were refused up to ${timeOf(beforeMs)}, and are now up to ${timeOf(afterMs)}.`;
}

function timeOf(ms: number): string {
  return Number.isFinite(new Date(ms).getTime()) ? new Date(ms).toISOString() : "the end of time";
}

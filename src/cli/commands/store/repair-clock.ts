import type { ClockRepair } from "../../../jobs/layout.ts";
import { repairSqliteClock } from "../../../jobs/sqlite/repair-clock.ts";
import { dataFolder } from "../../data-folder.ts";
import { ExitCode } from "../../exit-code.ts";
import type { Terminal } from "../../terminal.ts";

/** What the command line says. */
export interface RepairClockOptions {
  readonly data?: string;
}

/** Lowers what a store holds of a time that has not come, after a clock stood ahead. */
export async function run(terminal: Terminal, { data }: RepairClockOptions): Promise<ExitCode> {
  const repaired = await repairSqliteClock({ path: dataFolder(data).store });
  terminal.say(describe(repaired));
  return ExitCode.done;
}

function describe({ beforeMs, afterMs }: ClockRepair): string {
  if (beforeMs === afterMs) return "The store holds nothing of a time that has not come.";
  return `Frames were refused up to ${timeOf(beforeMs)}, and are now up to ${timeOf(afterMs)}.`;
}

function timeOf(ms: number): string {
  return Number.isFinite(new Date(ms).getTime()) ? new Date(ms).toISOString() : "the end of time";
}

import type { ClockRepair } from "../../../jobs/layout.ts";
import { repairSqliteClock } from "../../../jobs/sqlite/repair-clock.ts";
import { ExitCode } from "../../exit-code.ts";
import { openLog } from "../../log.ts";
import { findStore, type PlaceOptions } from "../../place.ts";
import type { Terminal } from "../../terminal.ts";

/** What the command line says. */
export type RepairClockOptions = Pick<PlaceOptions, "config" | "data" | "store">;

/** Lowers what a store holds of a time that has not come, after a clock stood ahead. */
export async function run(terminal: Terminal, options: RepairClockOptions): Promise<ExitCode> {
  terminal.say(describe(await repair(options, terminal.env)));
  return ExitCode.done;
}

async function repair(options: RepairClockOptions, env: Terminal["env"]): Promise<ClockRepair> {
  const store = await findStore(options, env);
  if (store.kind === "folder") return repairSqliteClock({ path: store.path });
  await using log = openLog("warn");
  const { repairPostgresClock } = await import("../../../jobs/postgres/open.ts");
  return await repairPostgresClock({ url: store.url, logger: log.logger });
}

function describe({ beforeMs, afterMs }: ClockRepair): string {
  if (beforeMs === afterMs) return "The store holds nothing of a time that has not come.";
  return `Frames were refused up to ${timeOf(beforeMs)}, and are now up to ${timeOf(afterMs)}.`;
}

function timeOf(ms: number): string {
  return Number.isFinite(new Date(ms).getTime()) ? new Date(ms).toISOString() : "the end of time";
}

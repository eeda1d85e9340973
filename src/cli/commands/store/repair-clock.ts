import type { ClockRepair } from "../../../store/layout.ts";
import { repairSqliteClock } from "../../../store/sqlite/replay/repair-clock.ts";
import { findStore, type LocationOptions } from "../../input/location.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { openLog } from "../../output/log.ts";
import { shownInstant } from "../../output/shown-time.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Options of the command. */
export type RepairClockCommandOptions = Pick<LocationOptions, "config" | "data" | "store">;

/** Lowers the times in a store that are in the future because a clock was ahead. */
export async function run(terminal: Terminal, options: RepairClockCommandOptions): Promise<ExitCode> {
  terminal.say(describe(await repair(options, terminal.env)));
  return ExitCode.done;
}

async function repair(options: RepairClockCommandOptions, env: Terminal["env"]): Promise<ClockRepair> {
  const store = await findStore(options, env);
  if (store.kind === "folder") return repairSqliteClock({ path: store.path });
  await using log = openLog("warn");
  const { repairPostgresClock } = await import("../../../store/postgres/open.ts");
  return await repairPostgresClock({ url: store.url, logger: log.logger });
}

function describe({ beforeMs, afterMs }: ClockRepair): string {
  if (beforeMs === afterMs) return "The store contains no time in the future.";
  return `Frames were refused up to ${shownInstant(beforeMs)}, and are now up to ${shownInstant(afterMs)}.`;
}

import type { AheadBound } from "../../../store/layout.ts";
import { narrowSqliteAhead } from "../../../store/sqlite/replay/narrow-ahead.ts";
import { findStore, type LocationOptions } from "../../input/location.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { openLog } from "../../output/log.ts";
import { shownInstant } from "../../output/shown-time.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Options of the command. */
export interface NarrowOptions extends Pick<LocationOptions, "config" | "data" | "store"> {
  /** In milliseconds. */
  readonly maxAhead: number;
}

/** Narrows how far ahead of a server's clock a frame can have been accepted. */
export async function run(terminal: Terminal, options: NarrowOptions): Promise<ExitCode> {
  terminal.say(describe(await narrow(options, terminal.env)));
  return ExitCode.done;
}

async function narrow(options: NarrowOptions, env: Terminal["env"]): Promise<AheadBound> {
  const store = await findStore(options, env);
  const maxAheadMs = options.maxAhead;
  if (store.kind === "folder") return narrowSqliteAhead({ path: store.path, maxAheadMs });
  await using log = openLog("warn");
  const { narrowPostgresAhead } = await import("../../../store/postgres/open.ts");
  return await narrowPostgresAhead({ url: store.url, maxAheadMs, logger: log.logger });
}

function describe({ beforeMs, afterMs, refusedUntilMs }: AheadBound): string {
  if (beforeMs === afterMs) return `The store has max_ahead_ms ${beforeMs} already.`;
  const what = `The store has max_ahead_ms ${afterMs} in place of ${beforeMs}.`;
  return refusedUntilMs === undefined ? what : `${what} Frames up to ${shownInstant(refusedUntilMs)} are refused.`;
}

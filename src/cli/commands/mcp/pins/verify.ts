import { openPinnedServer, type PinOptions } from "../../../input/pinned-server.ts";
import { sayDifference } from "../../../output/definition-difference.ts";
import { ExitCode } from "../../../output/exit-code.ts";
import { toJsonLine } from "../../../output/json-output.ts";
import { printTable } from "../../../output/table.ts";
import type { Terminal } from "../../../output/terminal.ts";

/** Compares the server's tools with their accepted definitions. Accepts nothing. */
export async function run(terminal: Terminal, options: PinOptions): Promise<ExitCode> {
  const { pins, serverId, tools } = await openPinnedServer(terminal, options);
  const states: (readonly [tool: string, state: string])[] = [];
  let exit: ExitCode = ExitCode.done;
  for (const [name, tool] of tools) {
    const verdict = await pins.compare(serverId, tool);
    states.push([name, verdict?.kind ?? "not pinned"]);
    if (verdict?.kind !== "changed") continue;
    exit = ExitCode.changed;
    sayDifference(terminal, name, verdict);
  }
  for (const name of (await pins.list(serverId)).keys()) if (!tools.has(name)) states.push([name, "not offered"]);
  if (options.json) terminal.print(toJsonLine({ server_id: serverId, tools: Object.fromEntries(states) }));
  else printTable(terminal, ["TOOL", "DEFINITION"], states);
  return exit;
}

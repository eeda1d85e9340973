import { formatTime } from "../../../../files/json-fields.ts";
import { openServerPins, type PinOptions } from "../../../input/pinned-server.ts";
import { ExitCode } from "../../../output/exit-code.ts";
import { toJsonLine } from "../../../output/json-output.ts";
import { printTable } from "../../../output/table.ts";
import type { Terminal } from "../../../output/terminal.ts";

/** Lists the accepted definitions of the server's tools. Sends no request. */
export async function run(terminal: Terminal, options: PinOptions): Promise<ExitCode> {
  const { pins, serverId } = await openServerPins(terminal, options);
  const tools = [...(await pins.list(serverId))];
  if (options.json) {
    for (const [tool, { digest, pinnedAtMs, lines }] of tools) {
      const pinned = { serverId, tool, digest, acceptTime: formatTime(pinnedAtMs), definition: [...lines] };
      terminal.print(toJsonLine(pinned));
    }
  } else {
    const rows = tools.map(([name, { digest, pinnedAtMs }]) => [name, formatTime(pinnedAtMs), digest]);
    printTable(terminal, ["TOOL", "ACCEPTED", "DEFINITION"], rows);
  }
  return ExitCode.done;
}

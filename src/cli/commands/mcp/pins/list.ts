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
    const listed = tools.map(([name, { digest, pinnedAtMs, lines }]) => {
      return [name, { digest, pinned_at: formatTime(pinnedAtMs), definition: [...lines] }] as const;
    });
    terminal.print(toJsonLine({ server_id: serverId, tools: Object.fromEntries(listed) }));
  } else {
    const rows = tools.map(([name, { digest, pinnedAtMs }]) => [name, formatTime(pinnedAtMs), digest]);
    printTable(terminal, ["TOOL", "ACCEPTED", "DEFINITION"], rows);
  }
  return ExitCode.done;
}

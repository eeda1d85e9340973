import { openPinnedServer, type PinnedServer, type PinOptions } from "../../../input/pinned-server.ts";
import { sayDifference } from "../../../output/definition-difference.ts";
import { ExitCode } from "../../../output/exit-code.ts";
import { toJsonLine } from "../../../output/json-output.ts";
import { printTable } from "../../../output/table.ts";
import type { Terminal } from "../../../output/terminal.ts";

/** A tool of the server, or of the pin file, and how its definition is. */
interface VerifiedTool {
  readonly tool: string;
  /** "new": not in the pin file. "gone": in the pin file, and not offered. */
  readonly state: "accepted" | "changed" | "new" | "gone";
  readonly difference: readonly string[];
}

/** Compares the server's tools with their accepted definitions. Accepts nothing. */
export async function run(terminal: Terminal, options: PinOptions): Promise<ExitCode> {
  const verified = await verify(await openPinnedServer(terminal, options));
  const changed = verified.filter(({ state }) => state === "changed");
  if (options.json)
    for (const each of verified) terminal.print(toJsonLine({ ...each, difference: [...each.difference] }));
  else {
    for (const { tool, difference } of changed) sayDifference(terminal, tool, difference);
    printTable(
      terminal,
      ["TOOL", "DEFINITION"],
      verified.map(({ tool, state }) => [tool, state]),
    );
  }
  return changed.length > 0 ? ExitCode.changed : ExitCode.done;
}

async function verify({ pins, serverId, tools }: PinnedServer): Promise<VerifiedTool[]> {
  const verified: VerifiedTool[] = [];
  for (const [tool, shown] of tools) {
    const verdict = await pins.compare(serverId, shown);
    const difference = verdict?.kind === "changed" ? verdict.difference : [];
    verified.push({ tool, state: verdict?.kind ?? "new", difference });
  }
  for (const tool of (await pins.list(serverId)).keys()) {
    if (!tools.has(tool)) verified.push({ tool, state: "gone", difference: [] });
  }
  return verified;
}

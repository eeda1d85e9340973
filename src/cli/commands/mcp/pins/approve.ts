import { SealwireError } from "../../../../errors.ts";
import { namedTools, openPinnedServer, type PinOptions } from "../../../input/pinned-server.ts";
import { sayDifference } from "../../../output/definition-difference.ts";
import { ExitCode } from "../../../output/exit-code.ts";
import type { Terminal } from "../../../output/terminal.ts";

interface ApproveOptions extends PinOptions {
  readonly all?: boolean;
}

/** Accepts the definitions that tools have now, and shows what changes by that. */
export async function run(terminal: Terminal, names: readonly string[], options: ApproveOptions): Promise<ExitCode> {
  if (names.length === 0 && !options.all) {
    throw new SealwireError("OPTIONS_INVALID", "Name the tools to approve, or give --all.");
  }
  const server = await openPinnedServer(terminal, options);
  const { pins, serverId } = server;
  const tools = options.all ? [...server.tools.values()] : namedTools(server, names);
  for (const tool of tools) {
    const verdict = await pins.compare(serverId, tool);
    if (verdict?.kind === "changed") sayDifference(terminal, tool.name, verdict.difference);
    terminal.say(
      `${tool.name} ${verdict?.kind === "accepted" ? "was accepted as it is" : "is accepted as it is now"}.`,
    );
  }
  await pins.approve(serverId, tools);
  return ExitCode.done;
}

import { SealwireError } from "../../../../errors.ts";
import { nearest } from "../../../../runtime/nearest.ts";
import { openServerPins, type PinOptions } from "../../../input/pinned-server.ts";
import { ExitCode } from "../../../output/exit-code.ts";
import type { Terminal } from "../../../output/terminal.ts";

interface ResetOptions extends PinOptions {
  readonly all?: boolean;
}

/** Forgets the accepted definitions of tools, which are accepted as they are when they are next seen. */
export async function run(terminal: Terminal, names: readonly string[], options: ResetOptions): Promise<ExitCode> {
  if (names.length === 0 && !options.all) {
    throw new SealwireError("OPTIONS_INVALID", "Name the tools to forget, or give --all.");
  }
  const { pins, serverId } = await openServerPins(terminal, options);
  const known = [...(await pins.list(serverId)).keys()];
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    const hint = near === undefined ? "" : ` Did you mean ${near}?`;
    throw new SealwireError("OPTIONS_INVALID", `No definition of "${name}" is pinned.${hint}`);
  }
  await pins.reset(serverId, options.all ? undefined : names);
  const forgotten = options.all ? known : names;
  terminal.say(`${forgotten.length === 0 ? "Nothing was pinned" : `${forgotten.join(", ")} forgotten`}.`);
  return ExitCode.done;
}

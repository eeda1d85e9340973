import { revokeKey } from "../../../signing/key-ring/changes.ts";
import { ExitCode } from "../../exit-code.ts";
import { editRing, type RingOptions } from "../../ring-options.ts";
import type { Terminal } from "../../terminal.ts";

/** Ends a key for good. */
export async function run(terminal: Terminal, keyId: string, options: RingOptions): Promise<ExitCode> {
  await editRing(options, (document) => revokeKey(document, keyId));
  terminal.say(`Key ${keyId} is revoked; running servers notice within seconds.`);
  return ExitCode.done;
}

import { systemClock } from "../../../runtime/clock.ts";
import { retireKey } from "../../../signing/key-ring/changes.ts";
import { ExitCode } from "../../exit-code.ts";
import { editRing, type RingOptions } from "../../ring-options.ts";
import type { Terminal } from "../../terminal.ts";

/** Marks a key as retiring. */
export async function run(
  terminal: Terminal,
  keyId: string,
  options: RingOptions & { readonly grace?: number },
): Promise<ExitCode> {
  const end = options.grace === undefined ? {} : { endsAtMs: systemClock.nowMs() + options.grace };
  await editRing(options, (document) => retireKey(document, { keyId, ...end }));
  terminal.say(`Key ${keyId} is retiring and still works. Once nobody uses it: sealwire keys revoke ${keyId}`);
  return ExitCode.done;
}

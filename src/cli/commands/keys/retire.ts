import { systemClock } from "../../../runtime/clock.ts";
import { retireKey } from "../../../signing/key-ring/changes.ts";
import { ExitCode } from "../../exit-code.ts";
import { openKeyRing } from "../../key-ring-access.ts";
import { changeRing } from "../../option-at-fault.ts";
import type { PlaceOptions } from "../../place.ts";
import type { Terminal } from "../../terminal.ts";

/** Marks a key as retiring. */
export async function run(
  terminal: Terminal,
  keyId: string,
  options: PlaceOptions & { readonly grace?: number },
): Promise<ExitCode> {
  const { grace } = options;
  const end = grace === undefined ? {} : { endsAtMs: systemClock.nowMs() + grace };
  await using access = await openKeyRing(options, { env: terminal.env, secrets: false });
  await changeRing(
    (change) => access.edit(change),
    (document) => retireKey(document, { keyId, ...end }),
    grace === undefined ? {} : { grace },
  );
  terminal.say(`Key ${keyId} is retiring and still works. Once nobody uses it: sealwire keys revoke ${keyId}`);
  return ExitCode.done;
}

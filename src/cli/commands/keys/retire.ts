import { systemClock } from "../../../runtime/clock.ts";
import { retireKey } from "../../../signing/key-ring/changes.ts";
import { openKeyRing } from "../../input/key-ring-access.ts";
import type { LocationOptions } from "../../input/location.ts";
import { changeRing } from "../../input/option-at-fault.ts";
import { ExitCode } from "../../output/exit-code.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Marks a key as retiring. */
export async function run(
  terminal: Terminal,
  keyId: string,
  options: LocationOptions & { readonly grace?: number },
): Promise<ExitCode> {
  const { grace } = options;
  const end = grace === undefined ? {} : { endsAtMs: systemClock.nowMs() + grace };
  await using access = await openKeyRing(options, { env: terminal.env, secrets: false });
  await changeRing(
    (change) => access.edit(change),
    (document) => retireKey(document, { keyId, ...end }),
    grace === undefined ? {} : { grace },
  );
  terminal.say(`Key ${keyId} is retiring and remains valid. When it is no longer used: sealwire keys revoke ${keyId}`);
  return ExitCode.done;
}

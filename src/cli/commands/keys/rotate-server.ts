import { systemClock } from "../../../runtime/clock.ts";
import { systemRandom } from "../../../runtime/random.ts";
import { newestServerSecret, rotateServerSecret } from "../../../signing/key-ring/changes.ts";
import { openKeyRing } from "../../input/key-ring-access.ts";
import type { LocationOptions } from "../../input/location.ts";
import { ExitCode } from "../../output/exit-code.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Adds a server secret for new keys. */
export async function run(terminal: Terminal, options: LocationOptions): Promise<ExitCode> {
  const context = { nowMs: systemClock.nowMs(), random: systemRandom };
  await using access = await openKeyRing(options, { env: terminal.env, secrets: true });
  const document = await access.edit((before) => rotateServerSecret(before, context));
  terminal.print(newestServerSecret(document).id);
  terminal.say(
    "New keys are derived from this secret; existing keys are unchanged. To move a client to it: sealwire keys rotate CLIENT",
  );
  return ExitCode.done;
}

import { systemClock } from "../../../runtime/clock.ts";
import { systemRandom } from "../../../runtime/random.ts";
import { rotateKey } from "../../../signing/key-ring/changes.ts";
import { newKeyWorksFrom, openKeyRing } from "../../input/key-ring-access.ts";
import type { LocationOptions } from "../../input/location.ts";
import { type CredentialsOutput, checkCredentialsOutput, makeKey } from "../../output/credentials-output.ts";
import { ExitCode } from "../../output/exit-code.ts";
import type { Terminal } from "../../output/terminal.ts";

interface RotateOptions extends LocationOptions, CredentialsOutput {
  readonly grace?: number;
}

/** Adds a new key for a client and retires its old ones. */
export async function run(terminal: Terminal, clientId: string, options: RotateOptions): Promise<ExitCode> {
  await checkCredentialsOutput(options);
  const context = { nowMs: systemClock.nowMs(), random: systemRandom };
  const { grace } = options;
  let before: readonly string[] = [];
  await using access = await openKeyRing(options, { env: terminal.env, secrets: true });
  await makeKey(terminal, {
    output: options,
    given: { ...(grace !== undefined && { grace }) },
    apply: (change) => access.edit(change),
    add(document) {
      const active = document.keys.filter((key) => key.clientId === clientId && key.state === "active");
      before = active.map((key) => key.keyId);
      const oldKeysEndAtMs = grace === undefined ? {} : { oldKeysEndAtMs: context.nowMs + grace };
      return rotateKey(document, { clientId, ...oldKeysEndAtMs, ...newKeyWorksFrom(access, context.nowMs) }, context);
    },
  });
  for (const keyId of before) {
    terminal.say(`Key ${keyId} remains valid. When it is no longer used: sealwire keys revoke ${keyId}`);
  }
  return ExitCode.done;
}

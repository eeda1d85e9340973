import { revokeKey } from "../../../signing/key-ring/changes.ts";
import { openKeyRing } from "../../input/key-ring-access.ts";
import type { LocationOptions } from "../../input/location.ts";
import { ExitCode } from "../../output/exit-code.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Revokes a key permanently. */
export async function run(terminal: Terminal, keyId: string, options: LocationOptions): Promise<ExitCode> {
  await using access = await openKeyRing(options, { env: terminal.env, secrets: false });
  await access.edit((document) => revokeKey(document, keyId));
  terminal.say(`Key ${keyId} is revoked; running servers refuse it within seconds.`);
  return ExitCode.done;
}

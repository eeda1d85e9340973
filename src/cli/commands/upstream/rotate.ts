import { replacePrivateFile } from "../../../files/private-file-write.ts";
import { systemRandom } from "../../../runtime/random.ts";
import { formatKeys, readKeys, rotateKeys } from "../../../upstream/assertion-keys.ts";
import { ExitCode } from "../../output/exit-code.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Takes one of the two steps that replace the key of assertions. */
export async function run(terminal: Terminal, file: string): Promise<ExitCode> {
  const { keys, step } = await rotateKeys(await readKeys(file));
  await replacePrivateFile(file, formatKeys(keys), systemRandom);
  if (step === "published") {
    terminal.say(`The key ${keys.next?.kid} is published, ${keys.signing.kid} still signs.`);
    terminal.say("Give upstreams the new `sealwire upstream jwks`, then run this command again.");
  } else {
    terminal.say(`The key ${keys.signing.kid} signs from now on; servers read the file within seconds.`);
    terminal.say("Upstreams may forget the old key when they get the next `sealwire upstream jwks`.");
  }
  return ExitCode.done;
}

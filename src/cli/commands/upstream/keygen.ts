import { createPrivateFile } from "../../../files/private-file-write.ts";
import { formatKeys, newKeys } from "../../../upstream/assertion-keys.ts";
import { ExitCode } from "../../output/exit-code.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Makes the key file with which servers sign assertions. */
export async function run(terminal: Terminal, file: string): Promise<ExitCode> {
  const keys = await newKeys();
  await createPrivateFile(file, formatKeys(keys));
  terminal.say(`The key ${keys.signing.kid} is in ${file}. Give upstreams what \`sealwire upstream jwks\` prints.`);
  return ExitCode.done;
}

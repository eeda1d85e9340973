import { publicKeys, readKeys } from "../../../upstream/assertion-keys.ts";
import { ExitCode } from "../../output/exit-code.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Prints the public keys of assertions as a JSON Web Key Set. */
export async function run(terminal: Terminal, file: string): Promise<ExitCode> {
  terminal.print(JSON.stringify(publicKeys(await readKeys(file)), undefined, 2));
  return ExitCode.done;
}

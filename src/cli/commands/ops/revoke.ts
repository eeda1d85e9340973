import type { ConnectionOptions } from "../../input/connection-options.ts";
import { openOperator } from "../../input/operator-client.ts";
import { ExitCode } from "../../output/exit-code.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Revokes a key permanently, through the server. */
export async function run(terminal: Terminal, keyId: string, options: ConnectionOptions): Promise<ExitCode> {
  await using operator = await openOperator(terminal, options);
  await operator.tools.revokeKey({ keyId });
  terminal.say(`Key ${keyId} is revoked; the other servers of the key ring refuse it within seconds.`);
  return ExitCode.done;
}

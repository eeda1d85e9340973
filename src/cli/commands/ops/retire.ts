import { systemClock } from "../../../runtime/clock.ts";
import { fromTimeMs } from "../../../wire/duration.ts";
import type { ConnectionOptions } from "../../input/connection-options.ts";
import { openOperator } from "../../input/operator-client.ts";
import { ExitCode } from "../../output/exit-code.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Marks a key as retiring, through the server. */
export async function run(
  terminal: Terminal,
  keyId: string,
  options: ConnectionOptions & { readonly grace?: number },
): Promise<ExitCode> {
  const { grace } = options;
  await using operator = await openOperator(terminal, options);
  await operator.tools.retireKey({
    keyId,
    ...(grace !== undefined && { endTime: fromTimeMs(systemClock.nowMs() + grace) }),
  });
  const end = grace === undefined ? "remains valid" : "remains valid until its end";
  terminal.say(`Key ${keyId} is retiring and ${end}. When it is no longer used: sealwire ops revoke ${keyId}`);
  return ExitCode.done;
}

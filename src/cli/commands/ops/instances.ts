import { Instance, InstanceRole } from "../../../../gen/sealwire/operator/v1/instance.ts";
import type { ConnectionOptions } from "../../input/connection-options.ts";
import { openOperator } from "../../input/operator-client.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { messageLine } from "../../output/message-json.ts";
import { enumCell, timeCell } from "../../output/operator-text.ts";
import { printTable } from "../../output/table.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Lists the processes that use the store. */
export async function run(
  terminal: Terminal,
  options: ConnectionOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  await using operator = await openOperator(terminal, options);
  const { instance, instances } = await operator.tools.listInstances({});
  if (options.json) {
    for (const each of instances)
      terminal.print(messageLine("sealwire.operator.v1.Instance", Instance.encode(each).finish()));
    return ExitCode.done;
  }
  const rows = instances.map((each) => row(terminal, each, instance));
  printTable(terminal, ["INSTANCE", "ROLE", "VERSION", "ADDRESS", "SINCE", "RENEWED", "RUNNING"], rows);
  return ExitCode.done;
}

function row(terminal: Terminal, each: Instance, answering: string): string[] {
  const { id, role, version, address, startTime, renewTime, running } = each;
  return [
    id === answering ? `${id} (this)` : id,
    enumCell(InstanceRole, role),
    version,
    address || "-",
    timeCell(terminal, startTime),
    timeCell(terminal, renewTime),
    `${running}`,
  ];
}

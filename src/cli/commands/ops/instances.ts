import { Instance, InstanceRole } from "../../../../gen/sealwire/operator/v1/instance.ts";
import type { ConnectionOptions } from "../../input/connection-options.ts";
import { openOperator } from "../../input/operator-client.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { printList } from "../../output/operator-list.ts";
import { enumCell, timeCell } from "../../output/operator-text.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Lists the processes that use the store. */
export async function run(
  terminal: Terminal,
  options: ConnectionOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  await using operator = await openOperator(terminal, options);
  const { instance, instances: items } = await operator.tools.listInstances({});
  const list = {
    ...{ items, type: "sealwire.operator.v1.Instance", encode: Instance.encode },
    headings: ["INSTANCE", "ROLE", "VERSION", "ADDRESS", "SINCE", "RENEWED", "RUNNING"],
    row: (each: Instance) => row(terminal, each, instance),
  };
  printList(terminal, list, options.json);
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

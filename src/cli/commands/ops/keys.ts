import { Key, KeyRole, KeyState } from "../../../../gen/sealwire/operator/v1/key.ts";
import type { ConnectionOptions } from "../../input/connection-options.ts";
import { openOperator, readPages } from "../../input/operator-client.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { printList } from "../../output/operator-list.ts";
import { enumCell, sayMore, timeCell } from "../../output/operator-text.ts";
import type { Terminal } from "../../output/terminal.ts";

interface KeysOptions extends ConnectionOptions {
  readonly client?: string;
  readonly limit?: number;
  readonly json?: boolean;
}

const DEFAULT_LIMIT = 1_000;

/** Lists the keys that are in force at the server, without secrets. */
export async function run(terminal: Terminal, options: KeysOptions): Promise<ExitCode> {
  const { client: clientId = "", limit = DEFAULT_LIMIT } = options;
  await using operator = await openOperator(terminal, options);
  const { items, more } = await readPages({ limit, pageMost: 1_000 }, async (page) => {
    const answer = await operator.tools.listKeys({ clientId, ...page });
    return { items: answer.keys, nextPageToken: answer.nextPageToken };
  });
  const list = {
    ...{ items, type: "sealwire.operator.v1.Key", encode: Key.encode },
    headings: ["KEY", "CLIENT", "STATE", "ROLE", "TOOLS", "NOT BEFORE", "NOT AFTER", "CREATED", "LAST USE"],
    row: (key: Key) => row(terminal, key),
  };
  printList(terminal, list, options.json);
  if (more) sayMore(terminal, "keys", limit);
  return ExitCode.done;
}

function row(terminal: Terminal, key: Key): string[] {
  const times = [key.notBefore, key.notAfter, key.createTime, key.lastUseTime];
  return [
    key.keyId,
    key.clientId,
    enumCell(KeyState, key.state),
    enumCell(KeyRole, key.role),
    key.tools.join(",") || "-",
    ...times.map((time) => timeCell(terminal, time)),
  ];
}

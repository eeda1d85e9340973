import { AuditLine } from "../../../../gen/sealwire/operator/v1/audit_line.ts";
import type { ConnectionOptions } from "../../input/connection-options.ts";
import { openOperator, readPages } from "../../input/operator-client.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { printList } from "../../output/operator-list.ts";
import { optionalTime, sayMore, timeCell } from "../../output/operator-text.ts";
import type { Terminal } from "../../output/terminal.ts";

interface AuditOptions extends ConnectionOptions {
  readonly client?: string;
  readonly key?: string;
  readonly job?: string;
  readonly action?: string;
  readonly outcome?: string;
  readonly reason?: string;
  readonly since?: number;
  readonly limit?: number;
  readonly json?: boolean;
}

const DEFAULT_LIMIT = 50;
/** Pages of one search that are not full. The server reads 8 MiB for each: 1 GiB together. */
const SHORT_PAGES_MOST = 128;

/** Reads the audit log of the server that answers, newest lines first. */
export async function run(terminal: Terminal, options: AuditOptions): Promise<ExitCode> {
  const { client: clientId = "", key: keyId = "", job: jobId = "" } = options;
  const { action = "", outcome = "", reason = "", since, limit = DEFAULT_LIMIT } = options;
  await using operator = await openOperator(terminal, options);
  const { items, more } = await readPages({ limit, pageMost: 500, shortPagesMost: SHORT_PAGES_MOST }, async (page) => {
    const filter = { clientId, keyId, jobId, action, outcome, reason, since: optionalTime(since) };
    const answer = await operator.tools.readAudit({ ...filter, ...page });
    return { items: answer.lines, nextPageToken: answer.nextPageToken };
  });
  const list = {
    ...{ items, type: "sealwire.operator.v1.AuditLine", encode: AuditLine.encode },
    headings: ["TIME", "ACTION", "CLIENT", "TARGET", "OUTCOME", "REASON", "SOURCE"],
    row: (line: AuditLine) => row(terminal, line),
  };
  printList(terminal, list, options.json);
  if (more && items.length >= limit) sayMore(terminal, "lines", limit);
  else if (more) terminal.say("The newest 1 GiB of the log was searched; search the file itself for older lines.");
  return ExitCode.done;
}

function row(terminal: Terminal, line: AuditLine): string[] {
  const { time, action, clientId, targetType, targetId, outcome, reason, source } = line;
  const cells = [action, clientId, `${targetType} ${targetId}`.trim(), outcome, reason, source];
  return [timeCell(terminal, time), ...cells.map((cell) => cell || "-")];
}

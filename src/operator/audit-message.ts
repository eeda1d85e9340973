import type { AuditLine as AuditLineMessage } from "../../gen/sealwire/operator/v1/audit_line.ts";
import type { AuditLine, AuditPage } from "../audit/audit-feed.ts";
import { SealwireError } from "../errors.ts";
import { fromTimeMs } from "../wire/duration.ts";

/** Converts a line to a `sealwire.operator.v1.AuditLine`. */
export function toAuditLineMessage(line: AuditLine): AuditLineMessage {
  const { sequence, timeMs, instance, action, outcome, text } = line;
  return {
    sequence: BigInt(sequence),
    time: fromTimeMs(timeMs),
    instance,
    clientId: line.clientId ?? "",
    keyId: line.keyId ?? "",
    action,
    targetType: line.target?.type ?? "",
    targetId: line.target?.id ?? "",
    outcome,
    reason: line.reason ?? "",
    source: line.source ?? "",
    requestId: line.requestId ?? "",
    jobId: line.jobId ?? "",
    count: BigInt(line.count ?? 0),
    line: text,
  };
}

/** The token of the page that follows; empty if there is none. */
export function pageTokenOf({ before }: AuditPage): string {
  return before === undefined ? "" : `${before}`;
}

/** The sequence before which a page begins; `undefined` for the first page. Throws ARGS_INVALID naming `page_token`. */
export function readPageToken(token: string): number | undefined {
  if (token === "") return undefined;
  const before = Number(token);
  if (/^\d+$/.test(token) && Number.isSafeInteger(before)) return before;
  throw new SealwireError("ARGS_INVALID", "The page token is not one of this tool; begin at the first page.", {
    violations: [{ field: "page_token", ruleId: "page_token", message: "must come from the page before" }],
  });
}

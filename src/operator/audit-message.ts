import type { AuditLine as AuditLineMessage } from "../../gen/sealwire/operator/v1/audit_line.ts";
import type { AuditLine } from "../audit/audit-feed.ts";
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

import type { AuditRefusals } from "../../audit/refusals.ts";
import type { CallObserver, CallRecord } from "../request/access-log.ts";

/** The reasons of refused identity, permission, replay, clock and limit. */
const AUDITED_REASONS: ReadonlySet<string> = new Set([
  "SIGNATURE_INVALID",
  "CLIENT_MISMATCH",
  "AUDIENCE_MISMATCH",
  "KEY_REVOKED",
  "TOOL_FORBIDDEN",
  "TOOL_CHANGED",
  "REPLAYED",
  "REQUEST_ID_REUSED",
  "CLOCK_SKEW",
  "FRESHNESS_UNKNOWN",
  "RATE_LIMITED",
  "QUOTA_EXCEEDED",
]);

/** A record of a call that the dispatcher may have marked. */
type MarkedRecord = CallRecord & { readonly isAudited?: boolean };

/** Records refused requests in the audit log. */
export function auditObserver(refusals: AuditRefusals): CallObserver {
  return {
    callStarted() {},
    callEnded({ reason, cause, client, keyId, claimed, tool, peer, requestId, trace, isAudited }: MarkedRecord) {
      if (!AUDITED_REASONS.has(reason) || isAudited) return;
      const known = { client, keyId, tool, peer, requestId };
      refusals.add({ action: "call.refuse", reason, cause, ...known, claimedKeyId: claimed?.keyId, traceId: trace });
    },
  };
}

import type { AuditTrail } from "../../audit/event.ts";
import { AuditRefusals } from "../../audit/refusals.ts";
import type { Clock } from "../../runtime/clock.ts";
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

/** Records refused requests in the audit log. Its disposal writes those that are only counted. */
export function auditObserver(trail: AuditTrail, clock: Clock): CallObserver & Disposable {
  const refusals = new AuditRefusals(trail, clock);
  return {
    callStarted() {},
    callEnded({ reason, cause, client, keyId, claimed, tool, peer, requestId, trace, isAudited }: MarkedRecord) {
      if (!AUDITED_REASONS.has(reason) || isAudited) return;
      const known = { client, keyId, tool, peer, requestId };
      refusals.add({ reason, cause, ...known, claimedKeyId: claimed?.keyId, traceId: trace });
    },
    [Symbol.dispose]: () => refusals[Symbol.dispose](),
  };
}

import type { AuditEvent, AuditTrail } from "../../audit/event.ts";
import type { OperatorAction, OperatorObserver } from "../../operator/action.ts";

/** Records what operators do, whether they use a tool or the console. */
export function operatorAudit(trail: AuditTrail): OperatorObserver {
  return {
    actionBegins: (action) => trail.begin({ ...eventOf(action), action: "operator.begin", outcome: "begun" }),
    actionEnded(action, error) {
      const end = error === undefined ? "succeeded" : "failed";
      trail.note({
        ...eventOf(action),
        action: "operator.end",
        outcome: end,
        ...(error !== undefined && { reason: error.reason }),
      });
    },
  };
}

function eventOf({ actor, name, target }: OperatorAction): Omit<AuditEvent, "action" | "outcome"> {
  const { clientId, keyId, source, requestId } = actor;
  return {
    client: clientId,
    ...(keyId !== undefined && { keyId }),
    target,
    ...(source !== undefined && { source }),
    ...(requestId !== undefined && { requestId }),
    ...(target.type === "job" && { jobId: target.id }),
    details: { operation: name },
  };
}

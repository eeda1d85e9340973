import type { AuditEvent, AuditTrail } from "../../audit/event.ts";
import type { AuditRefusals } from "../../audit/refusals.ts";
import type { OperatorAction, OperatorObserver } from "../../operator/action.ts";

/** Records what operators do, whether they use a tool or the console, and who signs in to the console. */
export function operatorAudit(trail: AuditTrail, refusals: AuditRefusals): OperatorObserver {
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
    accessed({ kind, actor, source, cause }) {
      const client = actor?.clientId;
      if (kind === "refused") {
        refusals.add({ action: "console.refuse", cause, client, peer: source });
        return;
      }
      trail.note({
        ...{ action: "console.sign_in", outcome: "succeeded", source },
        ...(client !== undefined && { client }),
        ...(actor?.role && { details: { role: actor.role } }),
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

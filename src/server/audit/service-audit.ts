import type { AuditFeed } from "../../audit/audit-feed.ts";
import type { AuditLog } from "../../audit/audit-log.ts";
import { AuditReader } from "../../audit/audit-reader.ts";
import { AuditRefusals } from "../../audit/refusals.ts";
import type { OperatorObserver } from "../../operator/action.ts";
import type { ResolvedServiceOptions } from "../options.ts";
import type { CallObserver } from "../request/access-log.ts";
import { auditObserver } from "./audit-observer.ts";
import { operatorAudit } from "./operator-audit.ts";
import { openAudit, recordJobEnds, recordKeyChanges } from "./server-audit.ts";

/** The audit log of a service. Its disposal writes the last lines. */
export interface ServiceAudit extends AsyncDisposable {
  readonly log: AuditLog;
  /** Records refused requests. */
  readonly observer: CallObserver;
  /** Records what operators do. */
  readonly operatorObserver: OperatorObserver;
  /** Reads the lines for operators. */
  readonly feed: AuditFeed;
}

/**
 * Opens the audit log that the options ask for; `undefined` if they ask for none. Throws OPTIONS_INVALID if the file
 * cannot be used, or if the key ring has no server secret.
 */
export async function openServiceAudit(
  { audit, store, keyRing, clock, logger }: ResolvedServiceOptions,
  observers: readonly CallObserver[],
): Promise<ServiceAudit | undefined> {
  if (audit === undefined) return undefined;
  const log = await openAudit({ audit, store, keyRing, observers, clock, logger });
  const refusals = new AuditRefusals(log, clock);
  const changes = recordKeyChanges(log, keyRing);
  const ends = recordJobEnds(log, store);
  return {
    log,
    observer: auditObserver(refusals),
    operatorObserver: operatorAudit(log, refusals),
    feed: new AuditReader(log.path),
    async [Symbol.asyncDispose]() {
      changes[Symbol.dispose]();
      ends[Symbol.dispose]();
      refusals[Symbol.dispose]();
      await log[Symbol.asyncDispose]();
    },
  };
}

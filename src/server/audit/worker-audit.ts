import type { AuditLog } from "../../audit/audit-log.ts";
import { SealwireError } from "../../errors.ts";
import { type OpenAuditOptions, openAudit, recordJobEnds } from "./server-audit.ts";

/** The audit log of a worker. Its disposal writes the last lines. */
export interface WorkerAudit extends AsyncDisposable {
  readonly log: AuditLog;
}

type AskedAudit = Pick<OpenAuditOptions, "store"> & Partial<Pick<OpenAuditOptions, "audit" | "keyRing">>;

/** Opens the audit log that the options ask for; `undefined` if they ask for none. Throws OPTIONS_INVALID. */
export async function openWorkerAudit(
  { audit, store, keyRing }: AskedAudit,
  context: Pick<OpenAuditOptions, "observers" | "clock" | "logger">,
): Promise<WorkerAudit | undefined> {
  if (audit === undefined) return undefined;
  if (keyRing === undefined) {
    throw new SealwireError("OPTIONS_INVALID", "audit needs keyRing, whose server secret seals the lines.");
  }
  const log = await openAudit({ audit, store, keyRing, ...context });
  const ends = recordJobEnds(log, store);
  return {
    log,
    async [Symbol.asyncDispose]() {
      ends[Symbol.dispose]();
      await log[Symbol.asyncDispose]();
    },
  };
}

import { AuditLog } from "../../audit/audit-log.ts";
import type { AuditOutcome } from "../../audit/event.ts";
import { keyChanges, ringDigest } from "../../audit/key-changes.ts";
import { SealwireError } from "../../errors.ts";
import type { JobState, JobView } from "../../jobs/job.ts";
import type { Clock } from "../../runtime/clock.ts";
import { hostName } from "../../runtime/host-name.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { AuditKey, KeyRingSource } from "../../signing/key-ring/types.ts";
import type { Store } from "../../store/store.ts";
import type { CallObserver } from "../request/access-log.ts";
import type { AuditOptions } from "./options.ts";

/** Options of {@link openAudit}. */
export interface OpenAuditOptions {
  readonly audit: AuditOptions;
  readonly store: Store;
  /** Has the id of the server, and the server secret from which the key of the lines is derived. */
  readonly keyRing: KeyRingSource;
  /** Receive the figures of the log. */
  readonly observers: readonly Pick<CallObserver, "auditChanged">[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Opens the audit log of a server or a worker. Throws OPTIONS_INVALID if the file cannot be used, or if the key ring has
 * no server secret.
 */
export async function openAudit(options: OpenAuditOptions): Promise<AuditLog> {
  const { audit, store, keyRing, observers, clock, logger } = options;
  return await AuditLog.open({
    to: audit.to,
    required: audit.required ?? false,
    key: auditKeyOfRing(keyRing),
    server: keyRing.current().serverId,
    instance: store.instanceId,
    facts: () => ({ key_ring: ringDigest(keyRing.current()) }),
    host: hostName(),
    heads: store.auditHeads,
    onFigures(figures) {
      for (const observer of observers) observer.auditChanged?.(figures);
    },
    clock,
    logger,
  });
}

/** The key that seals the lines. Throws OPTIONS_INVALID if the key ring has no server secret. */
function auditKeyOfRing(keyRing: KeyRingSource): () => AuditKey {
  let last = keyRing.current().auditKey;
  if (last === undefined) {
    const what = "An audit log needs a key ring with a server secret, from which its key is derived.";
    throw new SealwireError("OPTIONS_INVALID", `${what}\nAdd one with \`sealwire keys rotate-server\`.`);
  }
  // A ring that has lost its secrets must not stop the log.
  return () => {
    last = keyRing.current().auditKey ?? last;
    return last as AuditKey;
  };
}

/** Records each change of a key ring while the server runs. */
export function recordKeyChanges(log: AuditLog, keyRing: KeyRingSource): Disposable {
  let before = keyRing.current();
  return keyRing.onChange((ring) => {
    for (const event of keyChanges(before, ring)) log.note(event);
    before = ring;
  });
}

/** Records the end of each job that this process ends. */
export function recordJobEnds(log: AuditLog, store: Store): Disposable {
  return store.jobs.onStop((job) => recordStop(log, job));
}

const OUTCOMES: Readonly<Partial<Record<JobState, AuditOutcome>>> = {
  SUCCEEDED: "succeeded",
  FAILED: "failed",
  CANCELLED: "cancelled",
};

function recordStop(log: AuditLog, { owner, tool, jobId, requestId, attempt, state, error }: JobView): void {
  const outcome = OUTCOMES[state];
  log.note({
    action: outcome === undefined ? "job.requeue" : "job.end",
    outcome: outcome ?? (error === undefined ? "returned" : "failed"),
    ...(error !== undefined && { reason: error.reason }),
    client: owner,
    target: { type: "tool", id: tool },
    requestId,
    jobId,
    ...(attempt > 0 && { attempt }),
  });
}

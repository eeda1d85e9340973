/** What a line of the audit log reports. docs/audit.md describes each; the JSON Schema lists the same. */
export const AUDIT_ACTIONS = [
  "log.open",
  "log.resume",
  "log.close",
  "call.begin",
  "call.end",
  "call.repeat",
  "call.refuse",
  "job.start",
  "job.requeue",
  "job.end",
  "key.add",
  "key.change",
  "key.retire",
  "key.revoke",
  "key.remove",
  "secret.change",
  "operator.begin",
  "operator.end",
  "console.sign_in",
  "console.refuse",
] as const;

/** One of {@link AUDIT_ACTIONS}. */
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/**
 * How the action ended. `begun`: its end has a line of its own. `accepted`: it continues as a job. `returned`: the job went
 * back to the queue without a failure. `unknown`: nobody knows whether it took effect.
 */
export const AUDIT_OUTCOMES = [
  "begun",
  "accepted",
  "succeeded",
  "failed",
  "cancelled",
  "refused",
  "returned",
  "unknown",
] as const;

/** One of {@link AUDIT_OUTCOMES}. */
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** What an action is applied to. */
export interface AuditTarget {
  readonly type: "tool" | "job" | "key" | "secret" | "log";
  readonly id: string;
}

/** A value in the details of an event. */
export type AuditDetail = string | number | boolean | readonly AuditDetail[] | { readonly [name: string]: AuditDetail };

/** What happened, without its place in the chain. A member that is not known is absent. */
export interface AuditEvent {
  readonly action: AuditAction;
  readonly outcome: AuditOutcome;
  /** The reason of a refusal or failure, one of docs/errors.md. */
  readonly reason?: string;
  /** The client that acted. */
  readonly client?: string;
  /** The key that it used. */
  readonly keyId?: string;
  readonly target?: AuditTarget;
  /** Address of the peer. */
  readonly source?: string;
  readonly requestId?: string;
  readonly jobId?: string;
  /** Number of the job's attempt, from 1 on. */
  readonly attempt?: number;
  readonly traceId?: string;
  /** Hex SHA-256 of the serialized arguments. */
  readonly argsSha256?: string;
  /** Number of events that the line stands for; absent: one. */
  readonly count?: number;
  /** Further facts about the action (docs/audit.md). */
  readonly details?: Readonly<Record<string, AuditDetail>>;
}

/** Accepts the events of a server. */
export interface AuditTrail {
  /** True while no action may begin, because its line could not be written and is required. */
  readonly blocked: boolean;
  /**
   * Records that an action begins. Resolves when the line is written; the action must not begin before. Throws
   * UNAVAILABLE with a retry delay if the line is required and cannot be written.
   */
  begin(event: AuditEvent): Promise<void>;
  /** Records what has happened. Never throws. */
  note(event: AuditEvent): void;
  /** Calls `listener` when {@link blocked} has become false. */
  onUnblock(listener: () => void): Disposable;
}

import type { AuditFigures } from "../../audit/audit-log.ts";
import type { JobObserver } from "../../jobs/worker/job-observer.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { ClaimedKey } from "../../signing/request/verify.ts";
import type { UpstreamObserver } from "../../upstream/upstream.ts";
import { statusName } from "../../wire/error-message.ts";
import { RefusalCounts } from "./refusal-counts.ts";

/** The known properties of one call. Written to the log and to the metrics when it ends. */
export interface CallRecord {
  readonly method: string;
  readonly peer: string;
  readonly startedAtMs: number;
  readonly tool: string | undefined;
  readonly client: string | undefined;
  readonly keyId: string | undefined;
  readonly requestId: string | undefined;
  readonly trace: string | undefined;
  /** The call's span; `undefined` if it is not exported. */
  readonly exemplar: TraceIds | undefined;
  /** Why it was refused or failed; "" if it succeeded. */
  readonly reason: string;
  /** Which part of the authentication failed. For the log only. */
  readonly cause: string | undefined;
  /** The key that an unauthenticated frame names. For the log only. */
  readonly claimed: ClaimedKey | undefined;
}

/** The ids of a span, in hexadecimal, under their names in logs and exemplars. */
export interface TraceIds {
  readonly trace_id: string;
  readonly span_id: string;
}

/** Observes the calls and connections of a server, its upstreams, and the jobs that it runs. */
export interface CallObserver extends UpstreamObserver, JobObserver {
  callStarted(record: CallRecord): void;
  callEnded(record: CallRecord, code: number, durationMs: number): void;
  /**
   * Called with the number of a tool's handlers that still run long after their calls were stopped: with 0 at the
   * start, then at each change.
   */
  overdueHandlers?(tool: string, count: number): void;
  /** Called with the figures of the audit log at the start, then after each change. */
  auditChanged?(figures: AuditFigures): void;
  /** A client has connected. Its handshake has not started. */
  connectionOpened?(): void;
  connectionClosed?(): void;
}

const REFUSALS = new Set(["UNAUTHENTICATED", "PERMISSION_DENIED"]);

/** The log of calls. Its disposal writes the refusals of the last second. */
export type CallLog = CallObserver & Disposable;

/**
 * Writes one line per call, without arguments or secrets, and marks refusals for an audit. Of the calls that are
 * refused before their caller is known, the first of a peer is written immediately. The others are counted and written
 * once per second.
 */
export function callLog(logger: Logger, clock: Clock): CallLog {
  const strangers = new RefusalCounts(logger, clock, "calls refused");
  return {
    callStarted() {},
    callEnded(record, code, durationMs) {
      const { method, peer, tool, client, keyId, requestId, trace, exemplar, reason, cause, claimed } = record;
      const status = code === 0 ? "OK" : statusName(code);
      if (keyId === undefined && !strangers.isFirst(addressOf(peer), cause ?? (reason || status), claimed)) return;
      const fields = {
        method,
        tool,
        client,
        key_id: keyId,
        request_id: requestId,
        trace_id: trace,
        span_id: exemplar?.span_id,
        status,
        reason: reason || undefined,
        ms: Math.round(durationMs * 10) / 10,
      };
      if (REFUSALS.has(status) || reason === "REPLAYED" || reason === "CLOCK_SKEW") {
        const claims = { claimed_key_id: claimed?.keyId, claimed_client: claimed?.clientId };
        logger.warn({ ...fields, audit: true, peer, cause, ...claims }, "call refused");
      } else {
        logger.info(fields, "call");
      }
    },
    [Symbol.dispose]: () => strangers.write(),
  };
}

/** Removes the port, which differs between connections. */
function addressOf(peer: string): string {
  const colon = peer.lastIndexOf(":");
  return colon < 0 ? peer : peer.slice(0, colon);
}

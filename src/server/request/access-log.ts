import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { ClaimedKey } from "../../signing/request/verify.ts";
import { statusName } from "../../wire/error-message.ts";
import { RefusalCounts } from "./refusal-counts.ts";

/** What is known of one call so far; written to the log, and to the metrics, at its end. */
export interface CallRecord {
  readonly method: string;
  readonly peer: string;
  readonly startedAtMs: number;
  readonly tool: string | undefined;
  readonly client: string | undefined;
  readonly keyId: string | undefined;
  readonly requestId: string | undefined;
  readonly trace: string | undefined;
  /** Why it was refused or failed; "" for success. */
  readonly reason: string;
  /** What exactly failed to authenticate; for the log alone. */
  readonly cause: string | undefined;
  /** The key that a frame names which failed to authenticate; for the log alone. */
  readonly claimed: ClaimedKey | undefined;
}

/** Is told of each call that ended. */
export interface CallObserver {
  callStarted(record: CallRecord): void;
  callEnded(record: CallRecord, code: number, durationMs: number): void;
  /**
   * Told how many handlers of a tool run on although their calls were stopped long ago: 0 at the start, then whenever that
   * changes.
   */
  overdueHandlers?(tool: string, count: number): void;
  /** A client has connected; whether it can speak, or has anything to say, is not known yet. */
  connectionOpened?(): void;
  connectionClosed?(): void;
}

const REFUSALS = new Set(["UNAUTHENTICATED", "PERMISSION_DENIED"]);

/** The log of calls; dispose it at the end, or the last second's refusals are not written. */
export type CallLog = CallObserver & Disposable;

/**
 * Writes one line per call, and marks the refusals for an audit; never arguments or secrets. What is refused before its
 * caller is known gets a line at once if it is the first from its peer, and together with the others of a second after that.
 */
export function callLog(logger: Logger, clock: Clock): CallLog {
  const strangers = new RefusalCounts(logger, clock, "calls refused");
  return {
    callStarted() {},
    callEnded(record, code, durationMs) {
      const { method, peer, tool, client, keyId, requestId, trace, reason, cause, claimed } = record;
      const status = code === 0 ? "OK" : statusName(code);
      if (keyId === undefined && !strangers.isFirst(addressOf(peer), cause ?? (reason || status), claimed)) return;
      const fields = {
        method,
        tool,
        client,
        key_id: keyId,
        request_id: requestId,
        trace_id: trace,
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

/** Without the port, which is another one for each connection. */
function addressOf(peer: string): string {
  const colon = peer.lastIndexOf(":");
  return colon < 0 ? peer : peer.slice(0, colon);
}

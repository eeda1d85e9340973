import type { JobObserver } from "../../jobs/worker/job-observer.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { UpstreamObserver } from "../../upstream/upstream.ts";
import type { CallObserver } from "./access-log.ts";

type WorkObserver = UpstreamObserver & JobObserver & Pick<CallObserver, "auditChanged">;

/* Objects that users pass to a server may throw. The call continues in that case. */

/** A logger that never throws. */
export function guardLogger(logger: Logger): Logger {
  const quiet =
    (level: "debug" | "info" | "warn" | "error") =>
    (fields: object, message?: string): void => {
      try {
        logger[level](fields, message);
      } catch {
        // The error cannot be logged.
      }
    };
  return {
    debug: quiet("debug"),
    info: quiet("info"),
    warn: quiet("warn"),
    error: quiet("error"),
    child(bindings) {
      try {
        return guardLogger(logger.child(bindings));
      } catch {
        return this;
      }
    },
  };
}

/** An observer whose errors are logged, including rejected promises. */
export function guardObserver(observer: CallObserver, logger: Logger): CallObserver {
  const onError = (err: unknown): void => logger.error({ err }, "a call observer threw");
  return {
    callStarted: guarded((record) => observer.callStarted(record), onError),
    callEnded: guarded((record, code, durationMs) => observer.callEnded(record, code, durationMs), onError),
    overdueHandlers: guarded((tool, count) => observer.overdueHandlers?.(tool, count), onError),
    connectionOpened: guarded(() => observer.connectionOpened?.(), onError),
    connectionClosed: guarded(() => observer.connectionClosed?.(), onError),
    ...guardWorkObserver(observer, logger),
  };
}

/** An observer of upstreams, jobs and the audit log whose errors are logged. */
export function guardWorkObserver(observer: WorkObserver, logger: Logger): Required<WorkObserver> {
  const onError = (err: unknown): void =>
    logger.error({ err }, "an observer of upstreams, jobs or the audit log threw");
  return {
    upstreamCalled: guarded((...given) => observer.upstreamCalled?.(...given), onError),
    upstreamServes: guarded((...given) => observer.upstreamServes?.(...given), onError),
    upstreamInFlight: guarded((...given) => observer.upstreamInFlight?.(...given), onError),
    attemptStarted: guarded((...given) => observer.attemptStarted?.(...given), onError),
    attemptEnded: guarded((...given) => observer.attemptEnded?.(...given), onError),
    auditChanged: guarded((figures) => observer.auditChanged?.(figures), onError),
  };
}

/** A listener for used keys whose errors are logged. */
export function guardKeyListener(onKeyUsed: (keyId: string) => void, logger: Logger): (keyId: string) => void {
  return guarded(onKeyUsed, (err) => logger.error({ err }, "the listener for used keys threw"));
}

/** Wraps a callback. One that is declared to return nothing may still be an async function. */
function guarded<Given extends unknown[]>(
  call: (...given: Given) => unknown,
  onError: (err: unknown) => void,
): (...given: Given) => void {
  return (...given) => {
    try {
      const returned = call(...given);
      if (returned instanceof Promise) returned.catch(onError);
    } catch (err) {
      onError(err);
    }
  };
}

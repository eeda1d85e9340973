import type { Logger } from "../../runtime/logger.ts";
import type { CallObserver } from "./access-log.ts";

/* What users give a server may throw; a call goes on without it all the same. */

/** A logger that never throws. */
export function guardLogger(logger: Logger): Logger {
  const quiet =
    (level: "debug" | "info" | "warn" | "error") =>
    (fields: object, message?: string): void => {
      try {
        logger[level](fields, message);
      } catch {
        // There is nowhere to say it.
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

/** An observer whose errors, those of its promises included, go to the log. */
export function guardObserver(observer: CallObserver, logger: Logger): CallObserver {
  const onError = (err: unknown): void => logger.error({ err }, "an observer of calls threw");
  return {
    callStarted: guarded((record) => observer.callStarted(record), onError),
    callEnded: guarded((record, code, durationMs) => observer.callEnded(record, code, durationMs), onError),
    overdueHandlers: guarded((tool, count) => observer.overdueHandlers?.(tool, count), onError),
    connectionOpened: guarded(() => observer.connectionOpened?.(), onError),
    connectionClosed: guarded(() => observer.connectionClosed?.(), onError),
  };
}

/** A listener for used keys whose errors go to the log. */
export function guardKeyListener(onKeyUsed: (keyId: string) => void, logger: Logger): (keyId: string) => void {
  return guarded(onKeyUsed, (err) => logger.error({ err }, "the listener for used keys threw"));
}

/** What is declared to return nothing may be an async function all the same. */
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

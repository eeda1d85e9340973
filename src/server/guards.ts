import type { Logger } from "../runtime/logger.ts";
import type { CallObserver } from "./call-record.ts";

/* What users give a server may throw; a call goes on without it all the same. */

/** A logger that never throws. */
export function guardLogger(logger: Logger): Logger {
  const guarded =
    (level: "debug" | "info" | "warn" | "error") =>
    (fields: object, message?: string): void => {
      try {
        logger[level](fields, message);
      } catch {
        // There is nowhere to say it.
      }
    };
  return {
    debug: guarded("debug"),
    info: guarded("info"),
    warn: guarded("warn"),
    error: guarded("error"),
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
    callStarted(record) {
      try {
        follow(observer.callStarted(record), onError);
      } catch (err) {
        onError(err);
      }
    },
    callEnded(record, code, durationMs) {
      try {
        follow(observer.callEnded(record, code, durationMs), onError);
      } catch (err) {
        onError(err);
      }
    },
    overdueHandlers(tool, count) {
      try {
        follow(observer.overdueHandlers?.(tool, count), onError);
      } catch (err) {
        onError(err);
      }
    },
  };
}

/** A listener for used keys whose errors go to the log. */
export function guardKeyListener(onKeyUsed: (keyId: string) => void, logger: Logger): (keyId: string) => void {
  const onError = (err: unknown): void => logger.error({ err }, "the listener for used keys threw");
  return (keyId) => {
    try {
      follow(onKeyUsed(keyId), onError);
    } catch (err) {
      onError(err);
    }
  };
}

/** What is declared to return nothing may be an async function all the same. */
function follow(returned: unknown, onError: (err: unknown) => void): void {
  if (returned instanceof Promise) returned.catch(onError);
}

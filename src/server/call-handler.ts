import type { handleUnaryCall } from "@grpc/grpc-js";
import { SealwireError } from "../errors.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Dispatcher } from "../tools/dispatcher.ts";
import type { Admission } from "./admission.ts";
import type { Drain } from "./drain.ts";
import type { VerifiedCall } from "./verified-call.ts";

/** What unary calls are served with. */
export interface CallHandlerOptions {
  readonly dispatcher: Dispatcher;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly drain: Drain;
  /** Longest that a unary call may take. */
  readonly callTimeoutMs: number;
}

/** Serves ToolService.Call: hands the verified call to its tool and signs the answer. Never throws. */
export function createCallHandler(options: CallHandlerOptions): handleUnaryCall<VerifiedCall, Buffer> {
  const { dispatcher, admission, clock, drain, callTimeoutMs } = options;

  const answer = async (call: VerifiedCall, signal: AbortSignal): Promise<Buffer> => {
    drain.throwIfDraining();
    const { key, envelope, logger, traceparent } = call;
    const answered = await dispatcher.call({
      envelope,
      key,
      signal,
      drainSignal: drain.signal,
      logger,
      traceparent,
      openWatch: () => admission.openWatch(key),
    });
    return call.seal(answered, 0);
  };

  return (unary, respond) => {
    const call = unary.request;
    const stop = new AbortController();
    const finish = drain.track();
    const deadline = clock.after(callTimeoutMs, () => {
      stop.abort(
        new SealwireError(
          "DEADLINE_EXCEEDED",
          `The call took longer than the ${callTimeoutMs} ms that a call may take; make the tool a job.`,
        ),
      );
    });
    const onDrainOver = (): void => stop.abort(drain.overSignal.reason);
    drain.overSignal.addEventListener("abort", onDrainOver, { once: true });
    unary.on("cancelled", () => stop.abort(new SealwireError("CANCELLED", "The caller went away.")));
    untilAborted(answer(call, stop.signal), stop.signal)
      .then(
        (frame) => respond(null, frame),
        (thrown) => {
          if (!(thrown instanceof SealwireError)) call.logger.error({ err: thrown }, "call failed unexpectedly");
          respond(call.refuse(SealwireError.from(thrown), 0));
        },
      )
      .finally(() => {
        deadline[Symbol.dispose]();
        drain.overSignal.removeEventListener("abort", onDrainOver);
        finish();
      });
  };
}

/** The promise's outcome, or the signal's reason if it aborts first; the work goes on in the background then. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}

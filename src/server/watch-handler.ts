import { once } from "node:events";
import type { handleServerStreamingCall, ServerWritableStream } from "@grpc/grpc-js";
import { SealwireError } from "../errors.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Turns } from "../runtime/turns.ts";
import { isUsable, type KeyRingSource, type VerificationKey } from "../signing/key-ring/types.ts";
import type { Dispatcher } from "../tools/dispatcher.ts";
import type { Drain } from "./drain.ts";
import type { VerifiedCall } from "./verified-call.ts";

/** What watches are served with. */
export interface WatchHandlerOptions {
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly drain: Drain;
  readonly keyRing: KeyRingSource;
  /** Sends so many answers per turn of the event loop. */
  readonly turns: Turns;
  /** Longest that a watch may stay open. */
  readonly watchTimeoutMs: number;
}

type WatchStream = ServerWritableStream<VerifiedCall, Buffer>;

/**
 * Serves ToolService.WatchJob: signs and sends each state, at the reader's pace. Ends early with UNAVAILABLE when
 * the server drains or the watch is too old, and with UNAUTHENTICATED when its key no longer holds. Never throws.
 */
export function createWatchHandler(options: WatchHandlerOptions): handleServerStreamingCall<VerifiedCall, Buffer> {
  const { dispatcher, clock, drain, keyRing, turns, watchTimeoutMs } = options;

  /** Sends states until the terminal one; `sent` counts them. Throws why it ended early. */
  const send = async (stream: WatchStream, stop: AbortSignal, sent: { count: number }): Promise<void> => {
    const call = stream.request;
    stop.throwIfAborted();
    const { outputs, answer } = dispatcher.watch({
      envelope: call.envelope,
      key: call.key,
      signal: stop,
      drainSignal: drain.signal,
      logger: call.logger,
      traceparent: call.traceparent,
      openWatch: () => call.wait(),
    });
    for await (const output of outputs) {
      await turns.turn();
      if (stop.aborted) break;
      sent.count += 1;
      if (!stream.write(call.seal(answer(output), sent.count))) await once(stream, "drain", { signal: stop });
    }
    stop.throwIfAborted();
  };

  return (stream) => {
    const call = stream.request;
    const stop = new AbortController();
    const sent = { count: 0 };
    const endings = [
      clock.after(watchTimeoutMs, () => stop.abort(new SealwireError("WATCH_EXPIRED"))),
      endWithKey(call.key, keyRing, clock, () => stop.abort(new SealwireError("KEY_REVOKED"))),
    ];
    const onDrain = (): void => stop.abort(drain.signal.reason);
    if (drain.signal.aborted) onDrain();
    drain.signal.addEventListener("abort", onDrain, { once: true });
    stream.on("cancelled", () => stop.abort(new SealwireError("CANCELLED", "The caller went away.")));
    stream.on("error", (error) => call.logger.debug({ err: error }, "watch stream failed"));
    send(stream, stop.signal, sent)
      .then(
        () => stream.end(),
        (thrown) => {
          const reason: unknown = stop.signal.aborted ? stop.signal.reason : thrown;
          if (!(reason instanceof SealwireError)) call.logger.error({ err: reason }, "watch failed unexpectedly");
          if (!stream.cancelled) stream.emit("error", call.refuse(SealwireError.from(reason), sent.count + 1));
        },
      )
      .finally(() => {
        drain.signal.removeEventListener("abort", onDrain);
        for (const ending of endings) ending[Symbol.dispose]();
      });
  };
}

/** Calls `end` once the key is revoked, removed or past its time. */
function endWithKey(key: VerificationKey, source: KeyRingSource, clock: Clock, end: () => void): Disposable {
  let expiry: Disposable | undefined;
  // A timer may fire a little before its time, and never waits longer than it can: the clock decides.
  const check = (): void => {
    expiry?.[Symbol.dispose]();
    const current = source.current().find(key.keyId);
    if (current === undefined || !isUsable(current, clock.nowMs())) end();
    else if (current.notAfterMs !== undefined) expiry = clock.after(current.notAfterMs - clock.nowMs(), check);
  };
  const change = source.onChange(check);
  check();
  return {
    [Symbol.dispose]: () => {
      change[Symbol.dispose]();
      expiry?.[Symbol.dispose]();
    },
  };
}

import { ServerInterceptingCall, type ServerInterceptingCallInterface, type ServerInterceptor } from "@grpc/grpc-js";
import { SealwireError } from "../errors.ts";
import { CALL_METHOD } from "../wire/limits.ts";
import { toGrpcFailure } from "../wire/status.ts";
import { CallStream, type CallStreamOptions } from "./call-stream.ts";
import { pathKind } from "./service-paths.ts";
import { type CallHandler, SignedCall } from "./signed-call.ts";

/** What the interceptor works with. */
export interface InterceptorOptions extends CallStreamOptions {
  readonly serveCall: CallHandler;
  readonly serveWatch: CallHandler;
  /** Most health and reflection calls open at once. */
  readonly anonymousCallsMax: number;
}

/**
 * Makes the interceptor that every call goes through. It sees raw bytes (the services have identity codecs). What is
 * signed is verified and served right here; nothing of it reaches grpc-js's handlers.
 */
export function createInterceptor(options: InterceptorOptions): ServerInterceptor {
  const state = { anonymousCalls: 0 };
  const intercept: ServerInterceptor = ({ path }, call) => {
    switch (pathKind(path)) {
      case "call":
        return new SignedCall(call, path, options, options.serveCall);
      case "watch":
        return new SignedCall(call, path, options, options.serveWatch);
      case "stream":
        return new CallStream(call, options);
      case "anonymous":
        return anonymousCall(call, state, options);
      case "native":
        return refusedCall(call, nativeToolError());
    }
  };
  return (method, call) => {
    try {
      return intercept(method, call);
    } catch (err) {
      options.logger.error({ err, method: method.path }, "a call could not be taken in");
      return refusedCall(call, SealwireError.from(err));
    }
  };
}

/** Lets a health or reflection call through, as long as there are not too many. */
function anonymousCall(
  call: ServerInterceptingCallInterface,
  state: { anonymousCalls: number },
  { anonymousCallsMax }: InterceptorOptions,
): ServerInterceptingCall {
  if (state.anonymousCalls >= anonymousCallsMax) {
    return refusedCall(
      call,
      new SealwireError("QUOTA_EXCEEDED", "Too many health and reflection calls are open; try again.", {
        retryDelayMs: 1000,
      }),
    );
  }
  state.anonymousCalls += 1;
  let open = true;
  const end = (): void => {
    if (open) state.anonymousCalls -= 1;
    open = false;
  };
  return new ServerInterceptingCall(call, {
    start: (next) => next({ onCancel: end }),
    sendStatus: (status, next) => {
      end();
      next(status);
    },
  });
}

/** Answers a call with an error as soon as it starts. */
function refusedCall(call: ServerInterceptingCallInterface, error: SealwireError): ServerInterceptingCall {
  const refused = new ServerInterceptingCall(call, {
    start: (next) => next({ onReceiveMetadata: () => refused.sendStatus(toGrpcFailure(error)) }),
  });
  return refused;
}

function nativeToolError(): SealwireError {
  return new SealwireError(
    "TOOL_RPC_MISMATCH",
    `Tools are not called natively: sign an Envelope and send it to ${CALL_METHOD}.`,
    {
      status: "UNIMPLEMENTED",
    },
  );
}

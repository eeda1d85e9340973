import { ServerInterceptingCall, type ServerInterceptingCallInterface, type ServerInterceptor } from "@grpc/grpc-js";
import { SealwireError } from "../../errors.ts";
import { CALL_METHOD } from "../../wire/limits.ts";
import { toGrpcFailure } from "../../wire/status.ts";
import type { AnonymousCalls } from "./anonymous-call.ts";
import { CallStream, type CallStreamOptions } from "./call-stream.ts";
import type { PathKind } from "./service-paths.ts";
import { UnaryCall } from "./unary-call.ts";

/** Options of {@link createInterceptor}. */
export interface InterceptorOptions extends CallStreamOptions {
  readonly anonymousCalls: AnonymousCalls;
  readonly kindOf: (path: string) => PathKind;
}

/**
 * Creates the interceptor through which every call passes. It gets the raw bytes of signed calls, because their
 * services have identity codecs. Signed calls are verified and served here and never reach a handler of grpc-js.
 */
export function createInterceptor(options: InterceptorOptions): ServerInterceptor {
  const intercept: ServerInterceptor = ({ path, responseStream }, call) => {
    switch (options.kindOf(path)) {
      case "call":
      case "watch":
        return new UnaryCall(call, path, options);
      case "stream":
        return new CallStream(call, options);
      case "anonymous":
        return responseStream ? options.anonymousCalls.stream(call) : options.anonymousCalls.single(call);
      case "tool":
        return refusedCall(call, nativeCallError());
      case "foreign":
        return new ServerInterceptingCall(call);
    }
  };
  return (method, call) => {
    try {
      return intercept(method, call);
    } catch (err) {
      options.logger.error({ err, method: method.path }, "a call could not be accepted");
      return refusedCall(call, SealwireError.from(err));
    }
  };
}

/** Answers a call with an error as soon as it starts. */
function refusedCall(call: ServerInterceptingCallInterface, error: SealwireError): ServerInterceptingCall {
  const refused = new ServerInterceptingCall(call, {
    start: (next) => next({ onReceiveMetadata: () => refused.sendStatus(toGrpcFailure(error)) }),
  });
  return refused;
}

function nativeCallError(): SealwireError {
  return new SealwireError(
    "TOOL_RPC_MISMATCH",
    `Tools are not called natively: sign an Envelope and send it to ${CALL_METHOD}.`,
    {
      status: "UNIMPLEMENTED",
    },
  );
}

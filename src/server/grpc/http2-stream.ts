import type { ServerHttp2Stream } from "node:http2";
import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";

/** The private field in which grpc-js 1.14 stores the HTTP/2 stream of a call. */
interface CallOnStream {
  readonly stream?: ServerHttp2Stream;
}

/** The HTTP/2 stream of a call, and the listener of grpc-js for its data. */
export interface IncomingStream {
  readonly stream: ServerHttp2Stream;
  /** Passes bytes to grpc-js, which must get all of them in order. */
  readonly deliver: (bytes: Buffer) => void;
}

/**
 * Replaces the data listener of grpc-js on the HTTP/2 stream of a call by `take`. grpc-js has no public API that
 * reports how much of a message has arrived or its length (docs/decisions.md). Only this file depends on the internals
 * of grpc-js, and test/server/grpc/http2-stream.test.ts fails if they change.
 */
export function intercept(call: ServerInterceptingCallInterface, take: (bytes: Buffer) => void): IncomingStream {
  const { stream } = call as CallOnStream;
  const [deliver, ...more] = stream?.listeners("data") ?? [];
  if (stream === undefined || deliver === undefined || more.length > 0) {
    throw new Error("This version of grpc-js has other internals; see src/server/grpc/http2-stream.ts.");
  }
  // The stream is paused, and neither call resumes it.
  stream.off("data", deliver as (bytes: Buffer) => void);
  stream.on("data", take);
  return { stream, deliver: deliver as (bytes: Buffer) => void };
}

import type { ServerHttp2Stream } from "node:http2";
import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";

/** What grpc-js 1.14 keeps below a call: a private field, and the one listener that takes in what arrives. */
interface CallOnStream {
  readonly stream?: ServerHttp2Stream;
}

/** The HTTP/2 stream of a call, and where grpc-js takes what arrives on it. */
export interface IncomingStream {
  readonly stream: ServerHttp2Stream;
  /** Hands bytes to grpc-js, which counts on having all of them, in their order. */
  readonly deliver: (bytes: Buffer) => void;
}

/**
 * Steps between the HTTP/2 stream of a call and grpc-js: whatever arrives goes to `take`. grpc-js has no public way to
 * learn how much of a message has come, or how much will (docs/decisions.md); this is the only place that knows how it is
 * made, and test/server/grpc/http2-stream.test.ts fails if it is made differently one day.
 */
export function intercept(call: ServerInterceptingCallInterface, take: (bytes: Buffer) => void): IncomingStream {
  const { stream } = call as CallOnStream;
  const [deliver, ...more] = stream?.listeners("data") ?? [];
  if (stream === undefined || deliver === undefined || more.length > 0) {
    throw new Error("This grpc-js is made differently; look at src/server/grpc/http2-stream.ts.");
  }
  // The stream is paused: neither makes it flow.
  stream.off("data", deliver as (bytes: Buffer) => void);
  stream.on("data", take);
  return { stream, deliver: deliver as (bytes: Buffer) => void };
}

import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { type ChannelOptions, Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import type { Clock } from "../runtime/clock.ts";
import { interceptCalls } from "../server/grpc/incoming-calls.ts";
import { rawCodec } from "../server/grpc/raw-codec.ts";
import type { GrpcFailure } from "../wire/status.ts";

/** A call as grpc-js hands it over: serialized messages in both directions. */
export type NativeStream = ServerDuplexStream<Buffer, Buffer>;

/** The refusal of a call: a gRPC status, or an HTTP status for callers that do not speak gRPC. */
export type Refusal = GrpcFailure | { readonly httpStatus: number };

/** Options of {@link NativeServer}. */
export interface NativeServerOptions {
  readonly options: ChannelOptions;
  readonly clock: Clock;
  /** Returns the refusal of a call, by its headers alone; `undefined` if it is served. */
  admit(headers: IncomingHttpHeaders, stream: ServerHttp2Stream): Refusal | undefined;
  /** Serves a call of any path that has no service of its own. */
  serve(stream: NativeStream): void;
}

/** Maximum time in which the caller of a refused call ends its request. */
const REFUSED_MS = 1_000;

/**
 * A grpc-js server that serves calls of any path, each as it arrives. grpc-js has no handler for unknown paths, and it
 * hides `content-type` from interceptors. So calls are admitted and their paths registered where its HTTP/2 server
 * reports them.
 */
export class NativeServer {
  /** For services that have paths of their own. */
  readonly grpc: Server;
  readonly #injector;

  constructor({ options, admit, serve, clock }: NativeServerOptions) {
    this.grpc = new Server(options);
    this.#injector = this.grpc.createConnectionInjector(ServerCredentials.createInsecure());
    const { responseSerialize, requestDeserialize } = rawCodec;
    interceptCalls(this.grpc, (stream, headers, pass) => {
      const refusal = admit(headers, stream);
      if (refusal !== undefined) {
        refuse(stream, refusal, clock);
        return;
      }
      // grpc-js looks the path up before `pass` returns.
      const path = String(headers[constants.HTTP2_HEADER_PATH]);
      const isUnknown = this.grpc.register(path, serve as never, responseSerialize, requestDeserialize, "bidi");
      pass();
      if (isUnknown) this.grpc.unregister(path);
    });
  }

  /** Serves the calls of an accepted connection. */
  inject(socket: Socket): void {
    this.#injector.injectConnection(socket);
  }

  /** Asks all connections to end after their open calls. */
  close(): void {
    this.grpc.tryShutdown(() => {});
  }
}

function refuse(stream: ServerHttp2Stream, refusal: Refusal, clock: Clock): void {
  stream.on("error", () => {});
  if ("httpStatus" in refusal) {
    stream.respond({ [constants.HTTP2_HEADER_STATUS]: refusal.httpStatus }, { endStream: true });
  } else {
    const headers = {
      [constants.HTTP2_HEADER_STATUS]: constants.HTTP_STATUS_OK,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc+proto",
      "grpc-status": refusal.code,
      "grpc-message": encodeURI(refusal.details),
      ...refusal.metadata.toHttp2Headers(),
    };
    stream.respond(headers, { endStream: true });
  }
  // A stream that is closed at once may lose the response. What the caller still sends is discarded.
  stream.resume();
  const timer = clock.after(REFUSED_MS, () => stream.close(constants.NGHTTP2_NO_ERROR));
  stream.once("close", () => timer[Symbol.dispose]());
}

import { createSecretKey, randomBytes } from "node:crypto";
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  status,
} from "@grpc/grpc-js";
import type { Any } from "../../../gen/google/protobuf/any.ts";
import { Envelope } from "../../../gen/sealwire/v1/envelope.ts";
import { type Response, Status } from "../../../gen/sealwire/v1/response.ts";
import type { SealwireError } from "../../../src/errors.ts";
import type { ClientCredentials } from "../../../src/signing/key-ring/credentials.ts";
import { signResponse } from "../../../src/signing/response/sign.ts";
import {
  CALL_HEADER_METADATA,
  type CallHeader,
  readStreamMessage,
  type StreamRoute,
} from "../../../src/wire/call-header.ts";
import { errorToMessage } from "../../../src/wire/error-message.ts";
import { readFrame } from "../../../src/wire/frame.ts";
import { CALL_METHOD, CALL_STREAM_METHOD, PROTOCOL_VERSION, WATCH_JOB_METHOD } from "../../../src/wire/limits.ts";
import { toGrpcFailure } from "../../../src/wire/status.ts";
import { settled } from "../../support/eventually.ts";

/** One request as a peer received it. */
export interface Received {
  readonly frame: Buffer;
  readonly signature: Uint8Array;
  readonly envelope: Envelope;
  readonly metadata: Metadata;
  /** Of a call on a stream. */
  readonly header?: CallHeader;
}

/** A gRPC failure to answer with. */
export interface Failure {
  readonly code: number;
  readonly details: string;
  readonly metadata?: Metadata;
}

/** What a peer does with a unary call: answers bytes, fails, or stays silent. */
export type UnaryReply = Buffer | Failure | "silence";

/** One side of a stream to a client. */
export interface WatchReply {
  send(frame: Buffer): void;
  /** Ends with gRPC OK. */
  end(): void;
  fail(failure: Failure): void;
  /** Resolves when the client has cancelled. */
  readonly cancelled: Promise<void>;
}

/** One side of a call stream. */
export interface StreamReply {
  send(frame: Buffer): void;
  /** Ends with gRPC OK. */
  end(): void;
  fail(failure: Failure): void;
}

/** What a peer does. */
export interface Behaviour {
  /** What is said of each call stream as soon as it is opened. Default: nothing, as a server of version 0.1. */
  readonly route?: StreamRoute;
  /** Says it after the second request only. */
  readonly isSlow?: boolean;
  /** Told of each call stream. */
  opened?(reply: StreamReply): void;
  /** Told of each request of a call stream; `attempt` counts over all streams. */
  streamed?(request: Received, reply: StreamReply, attempt: number): void | Promise<void>;
  call?(request: Received, attempt: number): UnaryReply | Promise<UnaryReply>;
  watch?(request: Received, reply: WatchReply, attempt: number): void | Promise<void>;
}

/** A server that knows the response key and says with it whatever a test wants: well, badly or not at all. */
export interface SignedPeer extends AsyncDisposable {
  readonly address: string;
  readonly credentials: ClientCredentials;
  /** Unary requests so far. */
  readonly calls: readonly Received[];
  /** Watches so far. */
  readonly watches: readonly Received[];
  /** Requests on call streams so far. */
  readonly streamed: readonly Received[];
  /** Call streams so far, those that have ended too. */
  readonly streams: readonly PeerStream[];
}

/** A call stream that a client opened. */
export interface PeerStream {
  /** Where it comes from, as `host:port`. */
  readonly peer: string;
  readonly metadata: Metadata;
  /** The numbers of the calls that were cancelled. */
  readonly cancelled: readonly number[];
  readonly ended: Promise<"half-closed" | "cancelled">;
}

/** Keys that no server holds, for peers of a test. */
export function makeCredentials(address: string): ClientCredentials {
  return {
    address,
    serverId: "test-server",
    serverFingerprint: "0123456789abcdef0123456789abcdef",
    clientId: "test-client",
    keyId: "key-1",
    requestKey: createSecretKey(randomBytes(32)),
    responseKey: createSecretKey(randomBytes(32)),
  };
}

const sameBytes = (bytes: Buffer): Buffer => bytes;
const identity = {
  requestSerialize: sameBytes,
  requestDeserialize: sameBytes,
  responseSerialize: sameBytes,
  responseDeserialize: sameBytes,
};

/** Starts a peer on a free port of the loopback interface, on `port`, or on a unix socket. */
export async function startPeer(
  behaviour: Behaviour,
  options: { port?: number; unixSocket?: string; credentials?: ClientCredentials } = {},
) {
  const server = new Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  const calls: Received[] = [];
  const watches: Received[] = [];
  const streamed: Received[] = [];
  const streams: PeerStream[] = [];
  server.addService(
    {
      call: { path: CALL_METHOD, requestStream: false, responseStream: false, ...identity },
      callStream: { path: CALL_STREAM_METHOD, requestStream: true, responseStream: true, ...identity },
      watch: { path: WATCH_JOB_METHOD, requestStream: false, responseStream: true, ...identity },
    },
    {
      call: (call: { request: Buffer; metadata: Metadata }, respond: (e: Failure | null, m?: Buffer) => void) => {
        calls.push(receive(call.request, call.metadata));
        const received = calls.at(-1) as Received;
        const reply = behaviour.call?.(received, calls.length);
        void Promise.resolve(reply ?? unimplemented).then((given) => {
          if (given === "silence") return;
          if (Buffer.isBuffer(given)) respond(null, given);
          else respond(given);
        });
      },
      callStream: (stream: ServerDuplexStream<Buffer, Buffer>) => {
        const reply: StreamReply = {
          send: (frame) => void stream.write(frame),
          end: () => void stream.end(),
          fail: (failure) => void stream.emit("error", failure),
        };
        const ended = new Promise<"half-closed" | "cancelled">((resolve) => {
          stream.on("cancelled", () => resolve("cancelled"));
          // A cancelled stream ends, too, just before it is known to be cancelled.
          stream.on("end", () => {
            void settled().then(() => {
              resolve("half-closed");
              stream.end();
            });
          });
        });
        const cancelled: number[] = [];
        streams.push({ metadata: stream.metadata, peer: stream.getPeer(), cancelled, ended });
        const { route, isSlow = false } = behaviour;
        const negotiate = (): void => {
          const metadata = new Metadata();
          if (route !== undefined) metadata.set(CALL_HEADER_METADATA, route);
          if (route !== undefined) stream.sendMetadata(metadata);
        };
        if (!isSlow) negotiate();
        stream.on("error", () => {});
        behaviour.opened?.(reply);
        stream.on("data", (bytes: Buffer) => {
          const message = readStreamMessage(bytes);
          if (message.kind === "cancel") {
            cancelled.push(message.call);
            return;
          }
          const { frame, header } = message;
          const received = { ...receive(Buffer.from(frame), stream.metadata), header };
          streamed.push(received);
          if (isSlow && streamed.length === 2) negotiate();
          void behaviour.streamed?.(received, reply, streamed.length);
        });
      },
      watch: (stream: ServerWritableStream<Buffer, Buffer>) => {
        watches.push(receive(stream.request, stream.metadata));
        const received = watches.at(-1) as Received;
        const cancelled = new Promise<void>((resolve) => stream.on("cancelled", () => resolve()));
        stream.on("error", () => {});
        void behaviour.watch?.(
          received,
          {
            cancelled,
            send: (frame) => void stream.write(frame),
            end: () => void stream.end(),
            fail: (failure) => void stream.emit("error", failure),
          },
          watches.length,
        );
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    const bound = options.unixSocket === undefined ? `127.0.0.1:${options.port ?? 0}` : `unix:${options.unixSocket}`;
    server.bindAsync(bound, credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
  const address = options.unixSocket === undefined ? `127.0.0.1:${port}` : `unix:${options.unixSocket}`;
  const credentials = { ...(options.credentials ?? makeCredentials(address)), address };
  const peer: SignedPeer = {
    address,
    credentials,
    calls,
    watches,
    streamed,
    streams,
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
    },
  };
  return peer;
}

const unimplemented: Failure = { code: status.UNIMPLEMENTED, details: "not in this test" };

function receive(frame: Buffer, metadata: Metadata): Received {
  const { content, signature } = readFrame(frame);
  return { frame, signature, envelope: Envelope.decode(content), metadata };
}

/** A Response to a request as an honest server fills it in; `fields` override. */
export function response({ envelope }: Received, fields: Partial<Response>): Response {
  const status = fields.status ?? Status.OK;
  return {
    v: PROTOCOL_VERSION,
    requestId: envelope.requestId,
    tsMs: BigInt(Date.now()),
    ok: status !== Status.ERROR && status !== Status.CANCELLED,
    serverId: envelope.serverId,
    status,
    result: undefined,
    error: undefined,
    job: undefined,
    sequence: 0n,
    ...fields,
  };
}

/** A frame with a genuine signature over any Response. */
export function sign(credentials: ClientCredentials, { signature }: Received, signed: Response): Buffer {
  return signResponse(credentials, signature, signed);
}

/** An honest answer OK with this result. */
export function ok(credentials: ClientCredentials, received: Received, result: Any): Buffer {
  return sign(credentials, received, response(received, { result }));
}

/** An honest refusal, as a failure with the signed frame in its details. */
export function refuse(
  credentials: ClientCredentials,
  received: Received,
  error: SealwireError,
  fields: Partial<Response> = {},
): Failure {
  const refusal = response(received, { status: Status.ERROR, error: errorToMessage(error), ...fields });
  const type = refusal.sequence === 0n ? "sealwire.v1.CallResponse" : "sealwire.v1.WatchJobResponse";
  return toGrpcFailure(error, { type, bytes: sign(credentials, received, refusal) });
}

/** A failure as anyone can send it: no signed frame inside. */
export function unsigned(error: SealwireError): Failure {
  return toGrpcFailure(error);
}

import {
  type CallOptions,
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import type { Any } from "../../gen/google/protobuf/any.ts";
import { BadRequest, ErrorInfo } from "../../gen/google/rpc/error_details.ts";
import { Status } from "../../gen/google/rpc/status.ts";

/** What came of a native call. */
export interface NativeAnswer {
  readonly code: number;
  readonly details: string;
  /** The initial metadata; `undefined` if there was none of its own. */
  readonly head: Metadata | undefined;
  readonly trailers: Metadata;
  readonly messages: readonly Buffer[];
}

/** An open native call. */
export interface NativeCalling {
  /** The initial metadata. */
  readonly head: Promise<Metadata>;
  /** The messages so far. */
  readonly messages: readonly Buffer[];
  readonly answer: Promise<NativeAnswer>;
  cancel(): void;
}

/** Options of one call. */
export interface NativeOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

const identity = (bytes: Buffer): Buffer => bytes;

/** An ordinary gRPC client that sends and receives encoded messages and knows nothing of Sealwire. */
export class NativeClient implements Disposable {
  readonly #client: Client;

  constructor(address: string, options: Readonly<Record<string, string | number>> = {}) {
    this.#client = new Client(address, credentials.createInsecure(), options);
  }

  /** Calls a method, "package.Service/Method", and waits for its end. On the wire a unary call is a stream of one message. */
  call(method: string, message: Uint8Array, options: NativeOptions = {}): Promise<NativeAnswer> {
    return this.open(method, message, options).answer;
  }

  /** Opens a call. */
  open(method: string, message: Uint8Array, { metadata = {}, timeoutMs }: NativeOptions = {}): NativeCalling {
    const sent = new Metadata();
    for (const [key, value] of Object.entries(metadata)) sent.set(key, value);
    const options: CallOptions = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
    const path = `/${method}`;
    return followed(
      this.#client.makeServerStreamRequest(path, identity, identity, Buffer.from(message), sent, options),
    );
  }

  /** Sends several messages in one call. */
  send(method: string, messages: readonly Uint8Array[]): Promise<NativeAnswer> {
    const stream = this.#client.makeBidiStreamRequest(`/${method}`, identity, identity);
    for (const message of messages) stream.write(Buffer.from(message));
    stream.end();
    return followed(stream).answer;
  }

  /** Opens a call and sends nothing. */
  sendNothing(method: string): Promise<NativeAnswer> {
    return followed(this.#client.makeBidiStreamRequest(`/${method}`, identity, identity)).answer;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

function followed(stream: ClientReadableStream<Buffer>): NativeCalling {
  const head = Promise.withResolvers<Metadata>();
  const answer = Promise.withResolvers<NativeAnswer>();
  const messages: Buffer[] = [];
  let received: Metadata | undefined;
  stream.on("metadata", (metadata) => {
    received = metadata;
    head.resolve(metadata);
  });
  stream.on("data", (bytes: Buffer) => messages.push(bytes));
  stream.on("error", (_error: ServiceError) => {});
  stream.on("status", ({ code, details, metadata }) =>
    answer.resolve({ code, details, head: received, trailers: metadata, messages }),
  );
  return { head: head.promise, messages, answer: answer.promise, cancel: () => stream.cancel() };
}

/** The details of a status, by the full name of their type. */
export function detailsOf({ trailers }: NativeAnswer): ReadonlyMap<string, Uint8Array> {
  const [value] = trailers.get("grpc-status-details-bin");
  const details: readonly Any[] = value instanceof Buffer ? Status.decode(value).details : [];
  return new Map(details.map(({ typeUrl, value }) => [typeUrl.replace("type.googleapis.com/", ""), value]));
}

/** The reason and the metadata of the ErrorInfo of a status. */
export function infoOf(answer: NativeAnswer): { readonly reason: string; readonly metadata: Record<string, string> } {
  const { reason, metadata } = ErrorInfo.decode(detailsOf(answer).get("google.rpc.ErrorInfo") ?? new Uint8Array());
  return { reason, metadata };
}

/** The fields that a status says are invalid. */
export function fieldsOf(answer: NativeAnswer): string[] {
  const detail = detailsOf(answer).get("google.rpc.BadRequest") ?? new Uint8Array();
  return BadRequest.decode(detail).fieldViolations.map(({ field }) => field);
}

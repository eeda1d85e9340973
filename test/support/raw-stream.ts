import { type Client, type ClientDuplexStream, Metadata, type StatusObject } from "@grpc/grpc-js";
import { Response } from "../../gen/sealwire/v1/response.ts";
import type { ClientCredentials } from "../../src/signing/key-ring/credentials.ts";
import { verifyResponseFrame } from "../../src/signing/response/verify.ts";
import {
  CALL_HEADER_METADATA,
  type CallHeader,
  NO_HEADER,
  withCallHeader,
  writeCancelCall,
} from "../../src/wire/call-header.ts";
import { readFrame } from "../../src/wire/frame.ts";
import { CALL_STREAM_METHOD } from "../../src/wire/limits.ts";
import { readStatusDetails } from "../../src/wire/status.ts";
import { type RawFrame, type RawRequest, signRaw } from "./raw-frame.ts";

/** How a stream ended. */
export interface StreamEnd {
  readonly code: number;
  readonly details: string;
  readonly reason: string | undefined;
  /** True if the details contain a signed frame, which the end of a call stream never does. */
  readonly isSigned: boolean;
}

interface Waiting {
  readonly frame: RawFrame;
  readonly credentials: ClientCredentials;
  resolve(response: Response): void;
  reject(error: Error): void;
}

const identity = (bytes: Buffer): Buffer => bytes;

/** A ToolService.CallStream that sends frames unchanged and verifies every answer. */
export class RawStream {
  /** Request ids in the order in which they were answered. */
  readonly answered: string[] = [];
  readonly ended: Promise<StreamEnd>;
  /** The {@link StreamRoute} in the server's initial metadata; `undefined` if it contains none. */
  readonly route: Promise<string | undefined>;
  readonly #credentials: ClientCredentials;
  readonly #stream: ClientDuplexStream<Buffer, Buffer>;
  readonly #waiting = new Map<string, Waiting>();

  constructor(client: Client, credentials: ClientCredentials, metadata = new Metadata()) {
    this.#credentials = credentials;
    this.#stream = client.makeBidiStreamRequest(CALL_STREAM_METHOD, identity, identity, metadata);
    this.route = new Promise((resolve) => {
      this.#stream.on("metadata", (answer: Metadata) => resolve(answer.get(CALL_HEADER_METADATA)[0]?.toString()));
    });
    this.#stream.on("data", (bytes: Buffer) => this.#take(bytes));
    this.#stream.on("error", () => {});
    this.ended = new Promise((resolve) => {
      this.#stream.on("status", (status: StatusObject) => {
        const { code, details } = status;
        const said = readStatusDetails(status.metadata);
        for (const { reject } of this.#waiting.values()) reject(new Error(`unanswered: ${code} ${details}`));
        resolve({ code, details, reason: said?.reason, isSigned: said?.frame !== undefined });
      });
    });
  }

  /** Signs and sends a call. Resolves to its verified answer. */
  call(request: RawRequest, credentials = this.#credentials, header: Partial<CallHeader> = {}): Promise<Response> {
    const signed = signRaw(credentials, { ...request, method: CALL_STREAM_METHOD });
    const frame = withCallHeader(Buffer.from(signed.frame), { ...NO_HEADER, ...header });
    return this.send({ ...signed, frame }, credentials);
  }

  /** Cancels a call by its number, from 1. */
  cancelCall(number: number): void {
    this.write(writeCancelCall(number));
  }

  /** Sends a signed frame unchanged. Resolves to its verified answer; rejects if the stream ends before. */
  send(frame: RawFrame, credentials = this.#credentials): Promise<Response> {
    const answer = new Promise<Response>((resolve, reject) => {
      this.#waiting.set(frame.requestId, { frame, credentials, resolve, reject });
    });
    answer.catch(() => {});
    this.write(frame.frame);
    return answer;
  }

  /** Sends any bytes as one frame. */
  write(bytes: Uint8Array): void {
    this.#stream.write(Buffer.from(bytes));
  }

  /** Half-closes the stream. */
  end(): void {
    this.#stream.end();
  }

  cancel(): void {
    this.#stream.cancel();
  }

  #take(bytes: Buffer): void {
    const { requestId } = Response.decode(readFrame(bytes).content);
    const waiting = this.#waiting.get(requestId);
    if (waiting === undefined) throw new Error(`nobody waits for an answer to ${requestId}`);
    const { frame, credentials, resolve } = waiting;
    const { keyId, responseKey, serverId } = credentials;
    const expected = { keyId, responseKey, requestSignature: frame.signature, requestId, serverId, sequence: 0 };
    this.#waiting.delete(requestId);
    this.answered.push(requestId);
    resolve(verifyResponseFrame(bytes, expected));
  }
}

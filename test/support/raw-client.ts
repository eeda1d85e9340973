import {
  type ChannelCredentials,
  Client,
  credentials as channelCredentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import type { Response } from "../../gen/sealwire/v1/response.ts";
import type { ClientCredentials } from "../../src/signing/key-ring/credentials.ts";
import { verifyResponseFrame } from "../../src/signing/response/verify.ts";
import { WATCH_JOB_METHOD } from "../../src/wire/limits.ts";
import { readStatusDetails } from "../../src/wire/status.ts";
import { type RawFrame, type RawRequest, signRaw } from "./raw-frame.ts";
import { RawStream } from "./raw-stream.ts";

export { type RawFrame, type RawRequest, signRaw } from "./raw-frame.ts";

/** The result of a call: its verified responses and its status. */
export interface RawAnswer {
  readonly code: number;
  readonly details: string;
  /** Verified responses, from the messages or from the status details. */
  readonly responses: readonly Response[];
  readonly reason: string | undefined;
}

const identity = (bytes: Buffer): Buffer => bytes;

/** A gRPC client that sends frames unchanged. */
export class RawClient implements Disposable {
  readonly #client: Client;
  readonly #credentials: ClientCredentials;

  constructor(
    address: string,
    credentials: ClientCredentials,
    channel: ChannelCredentials = channelCredentials.createInsecure(),
  ) {
    this.#client = new Client(address, channel, { "grpc.enable_retries": 0 });
    this.#credentials = credentials;
  }

  /** Signs and sends a unary call. */
  call(request: RawRequest, metadata?: Metadata): Promise<RawAnswer> {
    return this.send(signRaw(this.#credentials, request), metadata);
  }

  /** Sends a signed frame unchanged to ToolService.Call. */
  send(frame: RawFrame, metadata = new Metadata()): Promise<RawAnswer> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest<Buffer, Buffer>(
        frame.method,
        identity,
        identity,
        frame.frame,
        metadata,
        (error, reply) => {
          if (error !== null) resolve(this.#failure(frame, error, []));
          else
            resolve({ code: 0, details: "", responses: [this.#verify(frame, reply as Buffer, 0)], reason: undefined });
        },
      );
    });
  }

  /** Signs and opens a watch. Resolves when it has ended. `onResponse` receives each verified message. */
  watch(request: Omit<RawRequest, "method">, onResponse: (response: Response) => void = () => {}): Promise<RawAnswer> {
    const frame = signRaw(this.#credentials, { ...request, method: WATCH_JOB_METHOD });
    const responses: Response[] = [];
    return new Promise((resolve) => {
      const stream = this.#client.makeServerStreamRequest(WATCH_JOB_METHOD, identity, identity, frame.frame);
      stream.on("data", (bytes: Buffer) => {
        const response = this.#verify(frame, bytes, responses.length + 1);
        responses.push(response);
        onResponse(response);
      });
      stream.on("error", (error: ServiceError) => resolve(this.#failure(frame, error, responses)));
      stream.on("end", () => resolve({ code: 0, details: "", responses, reason: undefined }));
    });
  }

  /** Opens a call stream. */
  stream(metadata?: Metadata): RawStream {
    return new RawStream(this.#client, this.#credentials, metadata);
  }

  #failure(frame: RawFrame, error: ServiceError, before: readonly Response[]): RawAnswer {
    const status = readStatusDetails(error.metadata);
    const sequence = frame.method === WATCH_JOB_METHOD ? before.length + 1 : 0;
    const signed = status?.frame === undefined ? [] : [this.#verify(frame, Buffer.from(status.frame), sequence)];
    return { code: error.code, details: error.details, responses: [...before, ...signed], reason: status?.reason };
  }

  #verify(frame: RawFrame, bytes: Buffer, sequence: number): Response {
    const { keyId, responseKey, serverId } = this.#credentials;
    const { signature: requestSignature, requestId } = frame;
    return verifyResponseFrame(bytes, { keyId, responseKey, requestSignature, requestId, serverId, sequence });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

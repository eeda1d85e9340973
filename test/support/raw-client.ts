import {
  type ChannelCredentials,
  Client,
  credentials as channelCredentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import type { Response } from "../../gen/sealwire/v1/response.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import type { ClientCredentials } from "../../src/signing/key-ring/credentials.ts";
import { sealRequest } from "../../src/signing/sign-request.ts";
import { verifyResponseFrame } from "../../src/signing/verify-response.ts";
import { CALL_METHOD, TYPE_URL_PREFIX, WATCH_JOB_METHOD } from "../../src/wire/limits.ts";
import { readStatusDetails } from "../../src/wire/status.ts";

/** What a test sends; whatever it leaves out is as it should be. */
export interface RawRequest {
  readonly tool: string;
  /** Full name of the request message. */
  readonly type: string;
  /** Default: the one of `type`. */
  readonly typeUrl?: string;
  readonly value?: Uint8Array;
  readonly method?: string;
  readonly requestId?: string;
  readonly tsMs?: number;
  readonly nonce?: Uint8Array;
  readonly serverId?: string;
  readonly clientId?: string;
}

/** A signed frame and what is needed to verify its answer. */
export interface RawFrame {
  readonly method: string;
  readonly frame: Buffer;
  readonly signature: Uint8Array;
  readonly requestId: string;
}

/** What came back: the frames of an answer, or a failure with its signed response if there is one. */
export interface RawAnswer {
  readonly code: number;
  readonly details: string;
  /** Verified; from the message, or from the status details. */
  readonly responses: readonly Response[];
  readonly reason: string | undefined;
}

const identity = (bytes: Buffer): Buffer => bytes;

/** Signs a request as a client in any language would. */
export function signRaw(credentials: ClientCredentials, request: RawRequest): RawFrame {
  const method = request.method ?? CALL_METHOD;
  const requestId = request.requestId ?? systemRandom.uuid();
  const sealed = sealRequest({
    method,
    clientId: request.clientId ?? credentials.clientId,
    keyId: credentials.keyId,
    requestKey: credentials.requestKey,
    serverId: request.serverId ?? credentials.serverId,
    requestId,
    tool: request.tool,
    args: { typeUrl: request.typeUrl ?? TYPE_URL_PREFIX + request.type, value: request.value ?? new Uint8Array() },
    tsMs: request.tsMs ?? Date.now(),
    nonce: request.nonce ?? systemRandom.bytes(16),
  });
  return { method, frame: sealed.frame, signature: sealed.signature, requestId };
}

/** A gRPC client that sends frames exactly as given. */
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

  /** Sends a signed frame as it is to ToolService.Call. */
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

  /** Signs and opens a watch; resolves when it has ended. `onResponse` sees each verified message. */
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

import { randomBytes, randomUUID } from "node:crypto";
import { WatchJobRequest } from "../../gen/sealwire/system/v1/watch_job.ts";
import { type ClientCredentials, parseCredentials } from "../../src/signing/key-ring/credentials.ts";
import { signRequest } from "../../src/signing/request/sign.ts";
import { CALL_METHOD, TYPE_URL_PREFIX, WATCH_JOB_METHOD } from "../../src/wire/limits.ts";
import { ARGS } from "../variants/work.ts";

/** A call: the gRPC path, the tool and its arguments. */
export interface ToolCall {
  readonly method: string;
  readonly tool: string;
  readonly args: { readonly typeUrl: string; readonly value: Uint8Array };
}

/** A call of a tool with the arguments of `batch_sum`, on the gRPC path `method`. */
export function numbersCall(tool: string, method: string = CALL_METHOD): ToolCall {
  return {
    method,
    tool,
    args: { typeUrl: `${TYPE_URL_PREFIX}sealwire.demo.v1.BatchSumRequest`, value: ARGS },
  };
}

/** A watch of a job. */
export function watchCall(jobId: string): ToolCall {
  const value = WatchJobRequest.encode({ jobId, afterRevision: 0n, heartbeatIntervalMs: 0 }).finish();
  const typeUrl = `${TYPE_URL_PREFIX}sealwire.system.v1.WatchJobRequest`;
  return { method: WATCH_JOB_METHOD, tool: "watch_job", args: { typeUrl, value } };
}

/** Signed requests of one client, each with a new intent and nonce. */
export class SignedCalls {
  readonly #credentials: ClientCredentials;
  readonly #call: ToolCall;

  /** `credentials`: the content of a credentials file. */
  constructor(credentials: string, call: ToolCall) {
    this.#credentials = parseCredentials(Buffer.from(credentials));
    this.#call = call;
  }

  /** The gRPC path that the frames are for. */
  get method(): string {
    return this.#call.method;
  }

  /** A frame that is signed now. A server accepts it for five minutes. */
  next(): Uint8Array {
    return this.nextNamed().message;
  }

  /** As {@link next}, with its request id. */
  nextNamed(): { readonly id: string; readonly message: Uint8Array } {
    const { clientId, keyId, requestKey, serverId } = this.#credentials;
    const attempt = { requestId: randomUUID(), tsMs: Date.now(), nonce: randomBytes(16) };
    const { frame } = signRequest({ ...this.#call, ...attempt, clientId, keyId, requestKey, serverId });
    return { id: attempt.requestId, message: frame };
  }
}

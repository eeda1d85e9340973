import { randomBytes, randomUUID } from "node:crypto";
import { type ClientCredentials, parseCredentials } from "../../src/signing/key-ring/credentials.ts";
import { sealRequest } from "../../src/signing/sign-request.ts";
import { CALL_METHOD, TYPE_URL_PREFIX } from "../../src/wire/limits.ts";
import { ARGS } from "../variants/work.ts";

/** Signed requests of one client, each a new intent with a nonce of its own. */
export class SignedCalls {
  readonly method: string = CALL_METHOD;
  readonly #credentials: ClientCredentials;
  readonly #tool: string;

  /** `credentials`: the text of a credentials file. `tool`: one that takes numbers, as `batch_sum` does. */
  constructor(credentials: string, tool: string) {
    this.#credentials = parseCredentials(Buffer.from(credentials));
    this.#tool = tool;
  }

  /** A frame signed now; a server takes it for five minutes. */
  next(): Uint8Array {
    const { clientId, keyId, requestKey, serverId } = this.#credentials;
    const { frame } = sealRequest({
      method: this.method,
      clientId,
      keyId,
      requestKey,
      serverId,
      requestId: randomUUID(),
      tool: this.#tool,
      args: { typeUrl: `${TYPE_URL_PREFIX}sealwire.demo.v1.BatchSumRequest`, value: ARGS },
      tsMs: Date.now(),
      nonce: randomBytes(16),
    });
    return frame;
  }
}

import { systemRandom } from "../../src/runtime/random.ts";
import type { ClientCredentials } from "../../src/signing/key-ring/credentials.ts";
import { signRequest } from "../../src/signing/request/sign.ts";
import { CALL_METHOD, TYPE_URL_PREFIX } from "../../src/wire/limits.ts";

/** A request of a test. Omitted fields have valid defaults. */
export interface RawRequest {
  readonly tool: string;
  /** Full name of the request message. */
  readonly type: string;
  /** Default: the type URL of `type`. */
  readonly typeUrl?: string;
  readonly value?: Uint8Array;
  readonly method?: string;
  readonly requestId?: string;
  readonly tsMs?: number;
  readonly nonce?: Uint8Array;
  readonly serverId?: string;
  readonly clientId?: string;
}

/** A signed frame with the data to verify its answer. */
export interface RawFrame {
  readonly method: string;
  readonly frame: Buffer;
  readonly signature: Uint8Array;
  readonly requestId: string;
}

/** Signs a request as a client in any language would. */
export function signRaw(credentials: ClientCredentials, request: RawRequest): RawFrame {
  const method = request.method ?? CALL_METHOD;
  const requestId = request.requestId ?? systemRandom.uuid();
  const signed = signRequest({
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
  return { method, frame: signed.frame, signature: signed.signature, requestId };
}

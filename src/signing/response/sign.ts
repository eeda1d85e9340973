import type { Response } from "../../../gen/sealwire/v1/response.ts";
import { writeFrame } from "../../wire/frame.ts";
import type { VerificationKey } from "../key-ring/types.ts";
import { encodeResponse } from "./encode.ts";
import { responseSignature } from "./signature.ts";

/**
 * Signs the response to the request with the signature `requestSignature`. `key` is the key that signed the request.
 * Returns a serialized CallResponse or WatchJobResponse.
 *
 * @example
 * ```ts
 * const { key, signature } = authenticator.authenticate(method, frame);
 * const answer = signResponse(key, signature, response);
 * ```
 */
export function signResponse(
  key: Pick<VerificationKey, "keyId" | "responseKey">,
  requestSignature: Uint8Array,
  response: Response,
): Buffer {
  const content = encodeResponse(response);
  const signature = responseSignature(key.responseKey, { requestSignature, response: content });
  return writeFrame({ content, keyId: key.keyId, signature });
}

import type { Response } from "../../../gen/sealwire/v1/response.ts";
import { writeFrame } from "../../wire/frame.ts";
import type { VerificationKey } from "../key-ring/types.ts";
import { encodeResponse } from "./encode.ts";
import { responseSignature } from "./signature.ts";

/**
 * Signs the answer to the request with the signature `requestSignature`: a serialized CallResponse or WatchJobResponse.
 * `key` is the one that signed the request.
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

/**
 * `sealwire/signing`: signs and verifies requests and responses, for proxies, other transports and custom clients
 * (docs/protocol.md). Its only dependency is @bufbuild/protobuf.
 */
import "../runtime/check-node.ts";

export type { Envelope } from "../../gen/sealwire/v1/envelope.ts";
export type { Response } from "../../gen/sealwire/v1/response.ts";
export {
  type ErrorDetail,
  type FieldViolation,
  type Reason,
  SealwireError,
  type SealwireErrorOptions,
  type StatusName,
  type WireReason,
} from "../errors.ts";
export type { Clock } from "../runtime/clock.ts";
export { canonicalize } from "../signing/canonical.ts";
export { deriveRequestKey, deriveResponseKey, fingerprint } from "../signing/derivation.ts";
export type { KeyLimits, KeyRing, KeyRole, KeyState, VerificationKey } from "../signing/key-ring/types.ts";
export { formatRequestKey, formatResponseKey, parseRequestKey, parseResponseKey } from "../signing/key-text.ts";
export { mac, macKey } from "../signing/mac.ts";
export { pae } from "../signing/pae.ts";
export { intentDigest } from "../signing/request/intent-digest.ts";
export { type RequestToSign, type SignedRequestFrame, signRequest } from "../signing/request/sign.ts";
export { requestSigningInput, type SignedRequestParts } from "../signing/request/signature.ts";
export {
  type AuthenticatedRequest,
  type ClaimedKey,
  checkEnvelope,
  createRequestAuthenticator,
  type EnvelopeExpectation,
  type RequestAuthenticator,
  type RequestAuthenticatorOptions,
} from "../signing/request/verify.ts";
export { signResponse } from "../signing/response/sign.ts";
export { responseSigningInput, type SignedResponseParts } from "../signing/response/signature.ts";
export { type ResponseExpectation, type VerifiedResponse, verifyResponseFrame } from "../signing/response/verify.ts";
export { readEnvelope } from "../validation/envelope.ts";
export { StrictError, type StrictOptions } from "../validation/strict.ts";
export type { VerifiedBytes } from "../validation/verified-bytes.ts";
export { builtinDescriptorSet, builtinImage, type Image, messageDesc, readImage } from "../wire/descriptors.ts";

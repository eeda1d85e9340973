import type { DescMessage } from "@bufbuild/protobuf";
import { Envelope } from "../../../gen/sealwire/v1/envelope.ts";
import { parseUnverifiedEnvelope } from "../../validation/envelope.ts";
import type { Image } from "../../wire/descriptors.ts";
import { TYPE_URL_PREFIX } from "../../wire/limits.ts";
import { canonicalize } from "../canonical.ts";

/**
 * An Envelope that may have a canonical form: it parses, and the type of its arguments is known. Nothing of it is
 * verified.
 */
export interface CanonicalCandidate {
  readonly envelope: Envelope & { readonly args: NonNullable<Envelope["args"]> };
  readonly type: DescMessage;
}

/** Parses an Envelope without its arguments, which is cheap. `undefined` if it cannot have a canonical form. */
export function canonicalCandidate(bytes: Uint8Array, image: Image): CanonicalCandidate | undefined {
  try {
    const envelope = parseUnverifiedEnvelope(bytes);
    const { args } = envelope;
    if (args?.typeUrl.startsWith(TYPE_URL_PREFIX) !== true) return undefined;
    const type = image.registry.getMessage(args.typeUrl.slice(TYPE_URL_PREFIX.length));
    return type && { envelope: { ...envelope, args }, type };
  } catch {
    return undefined;
  }
}

/**
 * Re-encodes an Envelope canonically, with `args.value` in the canonical form of its type. If a relay converted the
 * message to JSON and back, these are the bytes that the client signed. `undefined` if the canonical form is not
 * unique: the bytes are ambiguous, or an Any is nested in the arguments. Nothing of the result is verified.
 */
export function canonicalBytes({ envelope, type }: CanonicalCandidate): Uint8Array | undefined {
  try {
    const value = canonicalize(envelope.args.value, type, { unambiguous: true });
    // The generated encoder writes fields in ascending order and omits defaults. An Envelope contains nothing else
    // whose order matters.
    return Envelope.encode({ ...envelope, args: { ...envelope.args, value } }).finish();
  } catch {
    return undefined;
  }
}

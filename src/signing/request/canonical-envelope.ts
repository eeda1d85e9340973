import type { DescMessage } from "@bufbuild/protobuf";
import { Envelope } from "../../../gen/sealwire/v1/envelope.ts";
import { parseUnverifiedEnvelope } from "../../validation/envelope.ts";
import type { Image } from "../../wire/descriptors.ts";
import { TYPE_URL_PREFIX } from "../../wire/limits.ts";
import { canonicalize } from "../canonical.ts";

/** An Envelope of which there may be a canonical form: it parses, and its arguments are of a known type. Nothing of it is verified. */
export interface CanonicalCandidate {
  readonly envelope: Envelope & { readonly args: NonNullable<Envelope["args"]> };
  readonly type: DescMessage;
}

/** Reads an Envelope without its arguments, which is cheap. `undefined` if it has no canonical form for sure. */
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
 * Re-encodes an Envelope canonically, with `args.value` in the canonical form of its type: what the signer had if a relay
 * turned its message into JSON and back. `undefined` if there is no one such form: the bytes are ambiguous, or an Any is
 * nested in the arguments. Nothing of the result is verified.
 */
export function canonicalBytes({ envelope, type }: CanonicalCandidate): Uint8Array | undefined {
  try {
    const value = canonicalize(envelope.args.value, type, { unambiguous: true });
    // The generated encoder writes fields in ascending order and no defaults; an Envelope has nothing else to order.
    return Envelope.encode({ ...envelope, args: { ...envelope.args, value } }).finish();
  } catch {
    return undefined;
  }
}

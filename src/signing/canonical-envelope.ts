import { Envelope } from "../../gen/sealwire/v1/envelope.ts";
import { parseUnverifiedEnvelope } from "../validation/envelope.ts";
import type { Image } from "../wire/descriptors.ts";
import { TYPE_URL_PREFIX } from "../wire/limits.ts";
import { canonicalize } from "./canonical.ts";

/**
 * Re-encodes an Envelope canonically, with `args.value` in the canonical form of its type: what the signer had if a relay
 * turned its message into JSON and back. `undefined` if there is no one such form: the type is not in the image, the
 * bytes are ambiguous, or an Any is nested in the arguments. Nothing of the result is verified.
 */
export function canonicalEnvelope(bytes: Uint8Array, image: Image): Uint8Array | undefined {
  try {
    const envelope = parseUnverifiedEnvelope(bytes);
    const { args } = envelope;
    if (args?.typeUrl.startsWith(TYPE_URL_PREFIX) !== true) return undefined;
    const desc = image.registry.getMessage(args.typeUrl.slice(TYPE_URL_PREFIX.length));
    if (desc === undefined) return undefined;
    args.value = canonicalize(args.value, desc, { unambiguous: true });
    // The generated encoder writes fields in ascending order and no defaults; an Envelope has nothing else to order.
    return Envelope.encode(envelope).finish();
  } catch {
    return undefined;
  }
}

import { SealwireError } from "../errors.ts";
import { PROTOCOL_VERSION } from "../wire/limits.ts";

/**
 * Encodes parts so that no two different lists of parts give the same bytes (docs/protocol.md, "Signing input", after
 * the idea of DSSE's PAE): the version, a space, the number of parts in decimal, then for each part a space, its length
 * in bytes in decimal, a space and the part. Text counts as UTF-8. Throws OPTIONS_INVALID for text with a lone
 * surrogate, which has no UTF-8 form.
 */
export function pae(...parts: readonly (string | Uint8Array)[]): Buffer {
  const chunks: Uint8Array[] = [];
  // Text is joined up to the next bytes and encoded at once, which is what most of the time would go into.
  let text = `${PROTOCOL_VERSION} ${parts.length}`;
  for (const part of parts) {
    if (typeof part === "string") {
      text += ` ${Buffer.byteLength(part)} ${part}`;
    } else {
      chunks.push(utf8(`${text} ${part.length} `), part);
      text = "";
    }
  }
  chunks.push(utf8(text));
  return Buffer.concat(chunks);
}

function utf8(text: string): Buffer {
  if (!text.isWellFormed()) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      "A text to be signed holds half of a surrogate pair; send well-formed Unicode.",
    );
  }
  return Buffer.from(text, "utf8");
}

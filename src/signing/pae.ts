import { SealwireError } from "../errors.ts";
import { PROTOCOL_VERSION } from "../wire/limits.ts";

/**
 * Encodes a list of parts unambiguously (docs/protocol.md, "Signing input"; modelled on the PAE of DSSE): the version,
 * a space, the number of parts in decimal, then for each part a space, its length in bytes in decimal, a space and the
 * part. Text is encoded as UTF-8. Throws OPTIONS_INVALID for text with a lone surrogate, which has no UTF-8 form.
 *
 * @example
 * ```ts
 * pae("intent", "batch_sum", bytes); // mcp/0.1 3 6 intent 9 batch_sum 12 …
 * ```
 */
export function pae(...parts: readonly (string | Uint8Array)[]): Buffer {
  // Joins the text between two byte parts and encodes it directly into the one allocated buffer.
  const pieces: (string | Uint8Array)[] = [];
  let text = `${PROTOCOL_VERSION} ${parts.length}`;
  let size = 0;
  for (const part of parts) {
    if (typeof part === "string") {
      text += ` ${Buffer.byteLength(part)} ${part}`;
    } else {
      text += ` ${part.length} `;
      pieces.push(text, part);
      size += utf8Length(text) + part.length;
      text = "";
    }
  }
  pieces.push(text);
  size += utf8Length(text);
  const out = Buffer.allocUnsafe(size);
  let pos = 0;
  for (const piece of pieces) {
    if (typeof piece === "string") {
      pos += out.write(piece, pos);
    } else {
      out.set(piece, pos);
      pos += piece.length;
    }
  }
  return out;
}

function utf8Length(text: string): number {
  if (!text.isWellFormed()) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      "A text to be signed holds half of a surrogate pair; send well-formed Unicode.",
    );
  }
  return Buffer.byteLength(text);
}

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
  const pieces = paePieces(...parts);
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
}

/** Parts of at least this size are not copied, in bytes. */
const LARGE_BYTES = 16 * 1024;

/** Like {@link pae}, but returns pieces to be processed in order. Large parts are separate pieces, without a copy. */
export function paePieces(...parts: readonly (string | Uint8Array)[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  // Consecutive small parts share one buffer. Consecutive texts are joined and encoded together.
  let small: (string | Uint8Array)[] = [];
  let text = `${PROTOCOL_VERSION} ${parts.length}`;
  for (const part of parts) {
    if (typeof part === "string") {
      text += ` ${Buffer.byteLength(part)} ${part}`;
      continue;
    }
    small.push(`${text} ${part.length} `);
    text = "";
    if (part.length < LARGE_BYTES) {
      small.push(part);
    } else {
      pieces.push(join(small), part);
      small = [];
    }
  }
  if (text !== "") small.push(text);
  if (small.length > 0) pieces.push(join(small));
  return pieces;
}

function join(parts: readonly (string | Uint8Array)[]): Buffer {
  let size = 0;
  for (const part of parts) size += typeof part === "string" ? utf8Length(part) : part.length;
  const out = Buffer.allocUnsafe(size);
  let pos = 0;
  for (const part of parts) {
    if (typeof part === "string") {
      pos += out.write(part, pos);
    } else {
      out.set(part, pos);
      pos += part.length;
    }
  }
  return out;
}

function utf8Length(text: string): number {
  if (!text.isWellFormed()) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      "A text to be signed contains a lone surrogate; send well-formed Unicode.",
    );
  }
  return Buffer.byteLength(text);
}

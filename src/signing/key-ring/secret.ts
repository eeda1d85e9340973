import { createHash, type KeyObject } from "node:crypto";
import { SealwireError } from "../../errors.ts";
import type { JsonFields } from "../../files/json-fields.ts";
import { macKey } from "../mac.ts";

/** The least length of any secret, in bytes. */
export const SECRET_BYTES = 32;

/** SHA-256 works on blocks of this many bytes; HMAC brings each key to that length. */
const HMAC_BLOCK_BYTES = 64;

/** Turns bytes into a key and wipes them. Throws OPTIONS_INVALID if they are fewer than 32. */
export function importSecret(bytes: Uint8Array): KeyObject {
  if (bytes.length < SECRET_BYTES) {
    const problem = `a secret needs ${SECRET_BYTES} bytes or more, this one has ${bytes.length}`;
    throw new SealwireError("OPTIONS_INVALID", problem);
  }
  const key = macKey(bytes);
  bytes.fill(0);
  return key;
}

/** Gives the key's bytes to `format` and wipes them afterwards. */
export function exportSecret(key: KeyObject, format: (bytes: Buffer) => string): string {
  const bytes = key.export();
  const text = format(bytes);
  bytes.fill(0);
  return text;
}

/** Reads a field that holds a secret, by `parse`. Throws JsonFieldError without the secret. */
export function readSecret(fields: JsonFields, name: string, parse: (text: string) => Buffer): KeyObject {
  const text = fields.text(name);
  try {
    return importSecret(parse(text));
  } catch (error) {
    return fields.fail(name, (error as Error).message.replace(/\.$/, ""));
  }
}

/** Reads a server secret: base64url without padding. Throws OPTIONS_INVALID without the text. */
export function parseServerSecret(text: string): Buffer {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") !== text) {
    throw new SealwireError("OPTIONS_INVALID", "must be base64url text without padding");
  }
  return bytes;
}

/**
 * Gives equal texts for keys under which HMAC-SHA256 gives equal codes. HMAC hashes a key above 64 bytes and fills a
 * shorter one up with zeros (RFC 2104, section 2), so keys that differ as bytes may still be one and the same.
 */
export function hmacIdentity(key: KeyObject): string {
  return exportSecret(key, (bytes) => {
    const block = Buffer.alloc(HMAC_BLOCK_BYTES);
    block.set(bytes.length > HMAC_BLOCK_BYTES ? createHash("sha256").update(bytes).digest() : bytes);
    const identity = createHash("sha256").update(block).digest("hex");
    block.fill(0);
    return identity;
  });
}

import { createHash, type KeyObject } from "node:crypto";
import { SealwireError } from "../../errors.ts";
import type { JsonFields } from "../../files/json-fields.ts";
import { macKey } from "../mac.ts";

/** Minimum length of a secret, in bytes. */
export const SECRET_BYTES = 32;

/** Block size of SHA-256 in bytes. HMAC pads or hashes each key to this length. */
const HMAC_BLOCK_BYTES = 64;

/** Makes a key from bytes and overwrites the bytes with zeros. Throws OPTIONS_INVALID for fewer than 32 bytes. */
export function importSecret(bytes: Uint8Array): KeyObject {
  if (bytes.length < SECRET_BYTES) {
    const problem = `a secret needs ${SECRET_BYTES} bytes or more, this one has ${bytes.length}`;
    throw new SealwireError("OPTIONS_INVALID", problem);
  }
  const key = macKey(bytes);
  bytes.fill(0);
  return key;
}

/** Passes the key's bytes to `format` and then overwrites them with zeros. */
export function exportSecret(key: KeyObject, format: (bytes: Buffer) => string): string {
  const bytes = key.export();
  const text = format(bytes);
  bytes.fill(0);
  return text;
}

/** Reads a secret field with `parse`. Throws JsonFieldError, which does not contain the secret. */
export function readSecret(fields: JsonFields, name: string, parse: (text: string) => Buffer): KeyObject {
  const text = fields.text(name);
  try {
    return importSecret(parse(text));
  } catch (error) {
    return fields.fail(name, (error as Error).message.replace(/\.$/, ""));
  }
}

/** Parses a server secret: base64url without padding. Throws OPTIONS_INVALID, which does not contain the text. */
export function parseServerSecret(text: string): Buffer {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") !== text) {
    throw new SealwireError("OPTIONS_INVALID", "must be base64url text without padding");
  }
  return bytes;
}

/**
 * Returns equal texts for keys that are the same HMAC-SHA256 key. HMAC hashes a key longer than 64 bytes and pads a
 * shorter one with zeros (RFC 2104, section 2), so keys with different bytes may be equivalent.
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

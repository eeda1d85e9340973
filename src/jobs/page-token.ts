import { createCipheriv, createDecipheriv } from "node:crypto";
import { SealwireError } from "../errors.ts";
import type { Random } from "../runtime/random.ts";

const CIPHER = "aes-256-gcm";
const IV_BYTES = 12;
const POSITION_BYTES = 8;
const TAG_BYTES = 16;

/** Length of a key of {@link PageTokens}, in bytes. */
export const PAGE_KEY_BYTES = 32;

/**
 * Writes and reads page tokens. A token is encrypted, so that it reveals nothing about other owners' jobs, and bound to
 * the conditions of its query, a JSON array, so that it is valid for no other query.
 */
export class PageTokens {
  readonly #key: Uint8Array;
  readonly #random: Random;

  constructor(key: Uint8Array, random: Random) {
    this.#key = key;
    this.#random = random;
  }

  /** The token of the page after `position`, a safe non-negative integer. */
  write(position: number, binding: readonly unknown[]): string {
    const iv = this.#random.bytes(IV_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, iv).setAAD(boundTo(binding));
    const plain = Buffer.alloc(POSITION_BYTES);
    plain.writeBigUInt64BE(BigInt(position));
    return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString("base64url");
  }

  /** The position in a token. Throws ARGS_INVALID naming `page_token` if the token was not written for this query. */
  read(token: string, binding: readonly unknown[]): number {
    try {
      const bytes = Buffer.from(token, "base64url");
      if (bytes.length !== IV_BYTES + POSITION_BYTES + TAG_BYTES) throw new RangeError("wrong length");
      const decipher = createDecipheriv(CIPHER, this.#key, bytes.subarray(0, IV_BYTES))
        .setAAD(boundTo(binding))
        .setAuthTag(bytes.subarray(-TAG_BYTES));
      const plain = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]);
      return Number(plain.readBigUInt64BE());
    } catch (cause) {
      throw new SealwireError("ARGS_INVALID", "The page_token does not belong to this list; start at the first page.", {
        violations: [{ field: "page_token", ruleId: "page_token", message: "must come from a page of the same query" }],
        cause,
      });
    }
  }
}

function boundTo(binding: readonly unknown[]): Buffer {
  return Buffer.from(JSON.stringify(binding));
}

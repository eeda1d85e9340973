import { createHash, createHmac } from "node:crypto";
import { formatRequestKey } from "../../src/signing/key-text.ts";
import { requestSigningInput } from "../../src/signing/request/signature.ts";
import { hex } from "../validation/sample-image.ts";
import { group, type Sent } from "./request-case.ts";
import { fixedBytes, toHex, vectorKey } from "./vector-file.ts";

/** An imported request key of a length, in hex. */
export function importedKey(bytes: number): string {
  return toHex(fixedBytes(`imported ${bytes}`, bytes));
}

const KEY = hex(vectorKey("key-1").requestKey);
const zeros = (bytes: number) => "00".repeat(bytes);
const sha256 = (digits: string) => createHash("sha256").update(hex(digits)).digest("hex");

/** Keys shorter than, as long as and longer than a block of SHA-256; key-1 has 32 bytes. */
export const KEY_LENGTHS = [
  ...group("KeyLength", "valid", [
    { comment: "a key of 64 bytes", keyId: "key-64" },
    { comment: "a key of 65 bytes", keyId: "key-65" },
    { comment: "a key of 128 bytes", keyId: "key-128" },
    { comment: "HMAC fills a key of 32 bytes up with zeros", key: toHex(KEY) + zeros(32) },
    { comment: "HMAC hashes a key of 65 bytes first", keyId: "key-65", key: sha256(importedKey(65)) },
  ]),
  ...group("KeyLength", "SIGNATURE_INVALID", [
    { comment: "a key of 64 bytes, cut to 32", keyId: "key-64", key: importedKey(64).slice(0, 64) },
    { comment: "a key of 64 bytes, hashed first", keyId: "key-64", key: sha256(importedKey(64)) },
    { comment: "a key of 65 bytes, cut to 64", keyId: "key-65", key: importedKey(65).slice(0, 128) },
    { comment: "a key of 128 bytes, cut to 64", keyId: "key-128", key: importedKey(128).slice(0, 128) },
    { comment: "a key of 32 bytes with 33 zeros behind it", key: toHex(KEY) + zeros(33) },
    { comment: "the key's text form in place of the key", key: toHex(Buffer.from(formatRequestKey(KEY))) },
    { comment: "the key's base64url in place of the key", key: toHex(Buffer.from(KEY.toString("base64url"))) },
    { comment: "the key's hex digits in place of the key", key: toHex(Buffer.from(toHex(KEY))) },
  ]),
];

const hmac = (algorithm: string, sent: Sent) =>
  createHmac(algorithm, KEY)
    .update(requestSigningInput({ ...sent, envelope: sent.content }))
    .digest();

/** Signatures of other lengths and algorithms. */
export const OTHER_MACS = group("Signature", "SIGNATURE_INVALID", [
  {
    comment: "extended by a copy of itself",
    onTheWay: ({ signature }) => ({ signature: Buffer.concat([signature, signature]) }),
  },
  {
    comment: "with a zero byte before it",
    onTheWay: ({ signature }) => ({ signature: Buffer.concat([hex("00"), signature]) }),
  },
  { comment: "without its first byte", onTheWay: ({ signature }) => ({ signature: signature.subarray(1) }) },
  {
    comment: "its last byte zero",
    onTheWay: ({ signature }) => ({ signature: Buffer.concat([signature.subarray(0, 31), hex("00")]) }),
  },
  {
    comment: "as base64 text",
    onTheWay: ({ signature }) => ({ signature: Buffer.from(Buffer.from(signature).toString("base64")) }),
  },
  { comment: "HMAC-SHA1", onTheWay: (sent) => ({ signature: hmac("sha1", sent) }) },
  { comment: "HMAC-SHA512", onTheWay: (sent) => ({ signature: hmac("sha512", sent) }) },
  { comment: "HMAC-SHA512 cut to 32 bytes", onTheWay: (sent) => ({ signature: hmac("sha512", sent).subarray(0, 32) }) },
  {
    comment: "SHA-256 of key and signing input",
    onTheWay: (sent) => ({
      signature: createHash("sha256")
        .update(KEY)
        .update(requestSigningInput({ ...sent, envelope: sent.content }))
        .digest(),
    }),
  },
  {
    comment: "hashed once more",
    onTheWay: ({ signature }) => ({ signature: createHash("sha256").update(signature).digest() }),
  },
]);

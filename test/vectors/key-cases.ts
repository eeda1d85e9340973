import { deriveRequestKey, deriveResponseKey, fingerprint } from "../../src/signing/derivation.ts";
import { formatRequestKey, formatResponseKey } from "../../src/signing/key-text.ts";
import { macKey } from "../../src/signing/mac.ts";
import { pae } from "../../src/signing/pae.ts";
import { fixedBytes, SERVER_SECRET, toHex } from "./vector-file.ts";

/** The file `keys.json`: PAE, derived keys and their text form. Bytes are hex. */
export interface KeyVectors {
  readonly kind: "keys";
  readonly protocol: string;
  readonly pae: readonly { readonly comment: string; readonly parts: readonly string[]; readonly bytes: string }[];
  readonly derivations: readonly {
    readonly serverSecret: string;
    readonly fingerprint: string;
    readonly clientId: string;
    readonly keyId: string;
    readonly requestKey: string;
    readonly requestKeyText: string;
    readonly responseKey: string;
    readonly responseKeyText: string;
  }[];
  /** Texts that are read as keys, or refused. */
  readonly keyTexts: readonly KeyText[];
}

const PAE: readonly { comment: string; parts: readonly Uint8Array[] }[] = [
  { comment: "no parts", parts: [] },
  { comment: "an empty part", parts: [text("")] },
  { comment: "two empty parts", parts: [text(""), text("")] },
  { comment: "a part that looks like a length", parts: [text("1 a"), text("2")] },
  { comment: "lengths count bytes, not characters", parts: [text("é\u{1f600}")] },
  { comment: "bytes that are no text", parts: [text("request"), fixedBytes("pae", 12)] },
  { comment: "a part of three digits' length", parts: [fixedBytes("long pae", 123)] },
  ...[1, 63, 64, 65, 4096].map((size) => ({ comment: `a part of ${size} bytes`, parts: [Buffer.alloc(size, "a")] })),
  { comment: "ten parts", parts: [..."0123456789"].map(text) },
  { comment: "ab and c", parts: [text("ab"), text("c")] },
  { comment: "a and bc", parts: [text("a"), text("bc")] },
  { comment: "abc and nothing", parts: [text("abc"), text("")] },
  { comment: "NFC and NFD", parts: [text("\u00e9"), text("e\u0301")] },
  { comment: "NUL and astral planes", parts: [text("a\0b"), text("\u{10000}\u{10ffff}")] },
];

function text(value: string): Buffer {
  return Buffer.from(value);
}

const DERIVED = [
  { secret: SERVER_SECRET, clientId: "client-1", keyId: "key-1" },
  { secret: SERVER_SECRET, clientId: "client-1", keyId: "key-2" },
  { secret: SERVER_SECRET, clientId: "client-", keyId: "1key-1" },
  { secret: fixedBytes("a longer secret", 100), clientId: "client-1", keyId: "key-1" },
];

interface KeyText {
  readonly comment: string;
  readonly text: string;
  /** What the text is read as. */
  readonly use: "request" | "response";
  /** The key; null if the text has to be refused. */
  readonly key: string | null;
}

const SAMPLE = fixedBytes("key text", 33);
const REQUEST_TEXT = formatRequestKey(SAMPLE);
/** Its last digit says two bits that no byte has room for. */
const LOOSE_TEXT = `sws_${"A".repeat(42)}B`;

const KEY_TEXTS: readonly KeyText[] = [
  ...[32, 64, 65, 128, 1024].map((size) => {
    const bytes = fixedBytes(`key of ${size}`, size);
    return { comment: `${size} bytes`, text: formatRequestKey(bytes), use: "request" as const, key: toHex(bytes) };
  }),
  { comment: "a response key", text: formatResponseKey(SAMPLE), use: "response", key: toHex(SAMPLE) },
  { comment: "a request key as a response key", text: REQUEST_TEXT, use: "response", key: null },
  { comment: "no prefix", text: REQUEST_TEXT.slice(4), use: "request", key: null },
  { comment: "the prefix in capitals", text: `SWS_${REQUEST_TEXT.slice(4)}`, use: "request", key: null },
  { comment: "31 bytes", text: formatRequestKey(fixedBytes("short", 31)), use: "request", key: null },
  { comment: "1025 bytes", text: formatRequestKey(fixedBytes("long", 1025)), use: "request", key: null },
  { comment: "padded", text: `sws_${fixedBytes("padded", 32).toString("base64url")}=`, use: "request", key: null },
  {
    comment: "base64, not base64url",
    text: `sws_${Buffer.alloc(33, 0xff).toString("base64")}`,
    use: "request",
    key: null,
  },
  { comment: "a line break at the end", text: `${REQUEST_TEXT}\n`, use: "request", key: null },
  { comment: "a last digit that is none of the encoder's", text: LOOSE_TEXT, use: "request", key: null },
];

/** `keys.json`, made anew. */
export function keyVectors(): KeyVectors {
  return {
    kind: "keys",
    protocol: "mcp/0.1",
    pae: PAE.map(({ comment, parts }) => ({ comment, parts: parts.map(toHex), bytes: toHex(pae(...parts)) })),
    derivations: DERIVED.map(({ secret, clientId, keyId }) => {
      const key = macKey(secret);
      const requestKey = deriveRequestKey(key, clientId, keyId);
      const responseKey = deriveResponseKey(key, clientId, keyId);
      return {
        serverSecret: toHex(secret),
        fingerprint: fingerprint(key),
        clientId,
        keyId,
        requestKey: toHex(requestKey),
        requestKeyText: formatRequestKey(requestKey),
        responseKey: toHex(responseKey),
        responseKeyText: formatResponseKey(responseKey),
      };
    }),
    keyTexts: KEY_TEXTS,
  };
}

import { entry, group, payload, relay, task, textValue } from "./request-case.ts";

const say = (value: string | Uint8Array) => payload(entry("text", textValue(value)));

const NFC = "\u00e9";
const NFD = "e\u0301";
/** U+FF5E and U+1F600: in this order by UTF-8 bytes and by code points, in the other by UTF-16 units. */
const BY_BYTES = [entry("\uff5e", "2001"), entry("\u{1f600}", "2001")];

/** Texts that a careless signer, relay or verifier changes. */
export const TEXTS = [
  ...group("Text", "valid", [
    { comment: "astral planes: U+10000, U+1F600, U+10FFFF", fields: task(say("\u{10000}\u{1f600}\u{10ffff}")) },
    {
      comment: "the ends of the basic plane: U+D7FF, U+E000, U+FFFD, U+FFFF",
      fields: task(say("\ud7ff\ue000\ufffd\uffff")),
    },
    { comment: "composed, NFC", fields: task(say(NFC)) },
    { comment: "decomposed, NFD", fields: task(say(NFD)) },
    {
      comment: "NFD and NFC as two keys of one map",
      fields: task(payload(entry(NFD, "2001"), entry(NFC, "2000"))),
    },
    { comment: "NUL at the start, inside and at the end", fields: task(say("\0a\0b\0")) },
    { comment: "NUL in a map's key", fields: task(payload(entry("a", "2001"), entry("a\0b", "2000"))) },
    { comment: "a byte order mark", fields: task(say("\ufefftext")) },
    { comment: "what JSON escapes", fields: task(say('"\\\b\f\n\r\t\u001f\u007f\u2028\u2029</script>')) },
    {
      comment: "right-to-left marks and a joined emoji",
      fields: task(say("\u202eabc\u2066 \u{1f469}\u200d\u{1f4bb}")),
    },
    {
      comment: "map keys that a relay put in the order of UTF-16 units",
      ...relay(payload(...BY_BYTES), payload(...BY_BYTES.toReversed())),
    },
  ]),
  ...group("Text", "SIGNATURE_INVALID", [
    { comment: "NFC signed, NFD received", ...relay(say(NFC), say(NFD)) },
    { comment: "NFD signed, NFC received", ...relay(say(NFD), say(NFC)) },
    { comment: "cut off at NUL", ...relay(say("a\0b"), say("a")) },
    { comment: "the byte order mark dropped", ...relay(say("\ufefftext"), say("text")) },
    { comment: "U+FFFD in place of an astral character", ...relay(say("\u{1f600}"), say("\ufffd")) },
    {
      comment: "an astral character as two encoded surrogates, which is no UTF-8",
      ...relay(say("\u{1f600}"), say(Buffer.from("eda0bdedb880", "hex"))),
    },
    { comment: "NUL as two bytes, which is no UTF-8", ...relay(say("\0"), say(Buffer.from("c080", "hex"))) },
    {
      comment: "a signer that sorted its map by UTF-16 units",
      ...relay(payload(...BY_BYTES.toReversed()), payload(...BY_BYTES)),
    },
  ]),
];

/** Payloads around one block of SHA-256 and beyond; larger ones are in `sizes.json`. */
export const PAYLOAD_SIZES = group(
  "Size",
  "valid",
  [0, 1, 63, 64, 65, 4096].map((bytes) => ({
    comment: `a text of ${bytes} bytes`,
    fields: task(say("a".repeat(bytes))),
  })),
);

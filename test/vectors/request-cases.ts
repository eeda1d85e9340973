import type { Envelope } from "../../gen/sealwire/v1/envelope.ts";
import { pae } from "../../src/signing/pae.ts";
import { MAX_AGE_MS, MAX_AHEAD_MS } from "../../src/signing/request/verify.ts";
import { writeFrame } from "../../src/wire/frame.ts";
import { CALL_METHOD, CALL_STREAM_METHOD, TYPE_URL_PREFIX, WATCH_JOB_METHOD } from "../../src/wire/limits.ts";
import { hex } from "../validation/sample-image.ts";
import { BOUNDARY_SHIFTS } from "./boundary-cases.ts";
import { DEFINITIONS, FIELD_FAULTS } from "./field-cases.ts";
import { importedKey, KEY_LENGTHS, OTHER_MACS } from "./mac-cases.ts";
import {
  backwards,
  encode,
  entry,
  field,
  flip,
  group,
  NUMBERS,
  payload,
  type RequestCase,
  relay,
  requestCase,
  type Sent,
  SUM,
  split,
  TASK,
  task,
} from "./request-case.ts";
import { PAYLOAD_SIZES, TEXTS } from "./text-cases.ts";
import { fixedBytes, NOW_MS, SERVER_ID, SERVER_SECRET, toHex, type VectorKey, vectorKey } from "./vector-file.ts";

/** The file `requests.json`. */
export interface RequestVectors {
  readonly kind: "requests";
  readonly protocol: string;
  readonly serverId: string;
  readonly clock: { readonly nowMs: string; readonly maxAgeMs: string; readonly maxAheadMs: string };
  readonly keys: readonly VectorKey[];
  readonly cases: readonly RequestCase[];
}

const KEYS: readonly VectorKey[] = [
  vectorKey("key-1"),
  vectorKey("key-2", { clientId: "client-2" }),
  vectorKey("key-retiring", { state: "retiring" }),
  vectorKey("key-revoked", { state: "revoked" }),
  vectorKey("key-early", { notBeforeMs: String(NOW_MS + 1) }),
  vectorKey("key-just-begun", { notBeforeMs: String(NOW_MS) }),
  vectorKey("key-expired", { notAfterMs: String(NOW_MS) }),
  vectorKey("key-about-to-expire", { notAfterMs: String(NOW_MS + 1) }),
  ...[64, 65, 128].map((bytes) => vectorKey(`key-${bytes}`, { requestKey: importedKey(bytes) })),
];

const POLL = `${TYPE_URL_PREFIX}sealwire.system.v1.PollJobResponse`;

/** `requests.json`, made anew. */
export function requestVectors(): RequestVectors {
  const specs = [
    ...[VALID, KEY_STATES, FRESHNESS, ALTERED, FRAMES, SIGNATURES, BOUNDARIES, RULES, CANONICAL],
    ...[TEXTS, PAYLOAD_SIZES, KEY_LENGTHS, OTHER_MACS, BOUNDARY_SHIFTS, FIELD_FAULTS, CALL_STREAM, DEFINITIONS],
  ].flat();
  return {
    kind: "requests",
    protocol: "mcp/0.1",
    serverId: SERVER_ID,
    clock: { nowMs: String(NOW_MS), maxAgeMs: String(MAX_AGE_MS), maxAheadMs: String(MAX_AHEAD_MS) },
    keys: KEYS,
    cases: specs.map((spec, index) => requestCase(spec, KEYS, index + 1)),
  };
}

/** `ts_ms` as a field with a varint one byte longer than needed. */
function paddedTime(): Buffer {
  const [time] = split(encode()).filter((part) => part[0] === 0x18) as [Buffer];
  const padded = Buffer.concat([time, hex("00")]);
  padded.writeUInt8((padded.at(-2) as number) | 0x80, padded.length - 2);
  return padded;
}

const withoutTime = encode({ tsMs: 0n });

const VALID = group("Valid", "valid", [
  { comment: "a plain call" },
  { comment: "a watch, signed for its own method", method: WATCH_JOB_METHOD },
  {
    comment: "the longest request id and nonce",
    fields: { requestId: "r".repeat(128), nonce: fixedBytes("long", 64) },
  },
  { comment: "empty args", fields: { args: { typeUrl: SUM, value: hex("") } } },
  { comment: "args that are set and have neither type nor value", fields: { args: { typeUrl: "", value: hex("") } } },
  {
    comment: "args that are no message at all, which is found later",
    fields: { args: { typeUrl: SUM, value: hex("ff") } },
  },
  { comment: "the envelope's fields in descending order, signed so", bytes: backwards(encode()) },
  { comment: "a padded varint in the envelope, signed so", bytes: Buffer.concat([withoutTime, paddedTime()]) },
  { comment: "the frame's fields in descending order", onTheWay: (sent) => ({ frame: backwards(writeFrame(sent)) }) },
  { comment: "args not in canonical form, signed so", fields: task(hex("1200 0803")) },
]);

const KEY_STATES = [
  ...group("KeyState", "valid", [
    { comment: "a retiring key still works", keyId: "key-retiring" },
    { comment: "a key works from not_before on", keyId: "key-just-begun" },
    { comment: "a key works until just before not_after", keyId: "key-about-to-expire" },
    { comment: "another client's key", keyId: "key-2", fields: { clientId: "client-2" } },
  ]),
  ...group("KeyState", "SIGNATURE_INVALID", [
    { comment: "a revoked key", keyId: "key-revoked" },
    { comment: "a key before not_before", keyId: "key-early" },
    { comment: "a key at not_after", keyId: "key-expired" },
    { comment: "an unknown key id", keyId: "key-9", key: "key-1" },
    { comment: "an unknown key id, signed with a key of zeros", keyId: "key-9", key: "00".repeat(32) },
    { comment: "another key's signature", keyId: "key-1", key: "key-2" },
    { comment: "the key id changed to another live key", onTheWay: () => ({ keyId: "key-2" }) },
    { comment: "the key id in other letters", onTheWay: () => ({ keyId: "KEY-1" }) },
    { comment: "signed with the server secret", key: toHex(SERVER_SECRET) },
    { comment: "signed with the response key", key: vectorKey("key-1").responseKey },
    { comment: "signed with a key of zeros", key: "00".repeat(32) },
  ]),
];

const at = (offsetMs: number) => ({ tsMs: BigInt(NOW_MS + offsetMs) });

const FRESHNESS = [
  ...group("Freshness", "valid", [
    { comment: "as old as accepted", fields: at(-MAX_AGE_MS) },
    { comment: "a millisecond younger than that", fields: at(-MAX_AGE_MS + 1) },
    { comment: "stamped now", fields: at(0) },
    { comment: "a millisecond less ahead than accepted", fields: at(MAX_AHEAD_MS - 1) },
    { comment: "as far ahead as accepted", fields: at(MAX_AHEAD_MS) },
  ]),
  ...group("Freshness", "CLOCK_SKEW", [
    { comment: "a millisecond too old", fields: at(-MAX_AGE_MS - 1) },
    { comment: "a millisecond too far ahead", fields: at(MAX_AHEAD_MS + 1) },
    { comment: "the first millisecond of 1970", fields: { tsMs: 1n } },
    { comment: "seconds instead of milliseconds", fields: { tsMs: BigInt(NOW_MS / 1000) } },
    { comment: "the largest int64", fields: { tsMs: 2n ** 63n - 1n } },
  ]),
];

const OTHERS: Readonly<Record<string, Partial<Envelope>>> = {
  v: { v: "mcp/0.2" },
  request_id: { requestId: "6f6f8f3e-1d4b-4a53-9a51-0c5b7e9f1a02" },
  ts_ms: { tsMs: BigInt(NOW_MS + 1) },
  client_id: { clientId: "client-2" },
  server_id: { serverId: "server-2" },
  tool: { tool: "start_long_task" },
  nonce: { nonce: fixedBytes("another nonce", 16) },
  "args.value": { args: { typeUrl: SUM, value: flip(NUMBERS, 100) } },
  "args.type_url": { args: { typeUrl: TASK, value: NUMBERS } },
};
const FIELDS = ["v", "request_id", "ts_ms", "client_id", "server_id", "tool", "args", "nonce"] as const;

const ALTERED = group("Altered", "SIGNATURE_INVALID", [
  ...Object.entries(OTHERS).map(([name, change]) => ({
    comment: `${name} changed after signing`,
    onTheWay: () => ({ content: encode(change) }),
  })),
  ...FIELDS.map((name, index) => ({
    comment: `${name} taken out after signing`,
    onTheWay: ({ content }: Sent) => ({
      content: Buffer.concat(split(content).filter((part) => (part[0] as number) >> 3 !== index + 1)),
    }),
  })),
  { comment: "one bit of the envelope flipped", onTheWay: ({ content }) => ({ content: flip(content, 77) }) },
  {
    comment: "an unknown field added to the envelope",
    onTheWay: ({ content }) => ({ content: Buffer.concat([content, hex("c03e01")]) }),
  },
  {
    comment: "a second request_id added to the envelope",
    onTheWay: ({ content }) => ({ content: Buffer.concat([content, field(2, Buffer.from("r-2"))]) }),
  },
  { comment: "the envelope emptied", onTheWay: () => ({ content: hex("") }) },
  { comment: "sent to another method", onTheWay: () => ({ method: WATCH_JOB_METHOD }) },
  { comment: "a watch sent to Call", method: WATCH_JOB_METHOD, onTheWay: () => ({ method: CALL_METHOD }) },
]);

/** Takes the frame's fields apart and puts others in their place. */
const reframe =
  (change: (parts: { content: Buffer; keyId: Buffer; signature: Buffer }) => Uint8Array[]) => (sent: Sent) => {
    const [content, keyId, signature] = split(writeFrame(sent)) as [Buffer, Buffer, Buffer];
    return { frame: Buffer.concat(change({ content, keyId, signature })) };
  };

const FRAMES = group("Frame", "SIGNATURE_INVALID", [
  { comment: "an empty frame", onTheWay: reframe(() => []) },
  { comment: "no envelope", onTheWay: reframe(({ keyId, signature }) => [keyId, signature]) },
  { comment: "no key id", onTheWay: reframe(({ content, signature }) => [content, signature]) },
  { comment: "no signature", onTheWay: reframe(({ content, keyId }) => [content, keyId]) },
  { comment: "the envelope twice", onTheWay: reframe((p) => [p.content, p.content, p.keyId, p.signature]) },
  { comment: "the key id twice", onTheWay: reframe((p) => [p.content, p.keyId, p.keyId, p.signature]) },
  { comment: "the signature twice", onTheWay: reframe((p) => [p.content, p.keyId, p.signature, p.signature]) },
  {
    comment: "an envelope cut in two, which lenient decoders merge",
    onTheWay: (sent) => {
      const [first, ...rest] = split(sent.content) as [Buffer, ...Buffer[]];
      const { content: _, ...others } = sent;
      const [, keyId, signature] = split(writeFrame({ content: hex(""), ...others })) as [Buffer, Buffer, Buffer];
      return { frame: Buffer.concat([field(1, first), field(1, Buffer.concat(rest)), keyId, signature]) };
    },
  },
  { comment: "an unknown field", onTheWay: reframe((p) => [p.content, p.keyId, p.signature, hex("c23e00")]) },
  { comment: "a zero tag at the end", onTheWay: reframe((p) => [p.content, p.keyId, p.signature, hex("00")]) },
  { comment: "an empty group at the end", onTheWay: reframe((p) => [p.content, p.keyId, p.signature, hex("2324")]) },
  { comment: "the last byte cut off", onTheWay: (sent) => ({ frame: writeFrame(sent).subarray(0, -1) }) },
  {
    comment: "a padded length",
    onTheWay: reframe((p) => [p.content, hex("12 8500"), p.keyId.subarray(2), p.signature]),
  },
  { comment: "a padded tag", onTheWay: reframe((p) => [p.content, hex("9200"), p.keyId.subarray(1), p.signature]) },
  { comment: "the key id as a varint", onTheWay: reframe((p) => [p.content, hex("1001"), p.signature]) },
  { comment: "an empty key id", onTheWay: reframe((p) => [p.content, hex("1200"), p.signature]) },
  { comment: "a key id that is not UTF-8", onTheWay: reframe((p) => [p.content, hex("1201ff"), p.signature]) },
  {
    comment: "a key id with a space at its end",
    onTheWay: reframe((p) => [p.content, field(2, Buffer.from("key-1 ")), p.signature]),
  },
]);

const SIGNATURES = group("Signature", "SIGNATURE_INVALID", [
  { comment: "the first bit flipped", onTheWay: ({ signature }) => ({ signature: flip(signature, 7) }) },
  { comment: "the last bit flipped", onTheWay: ({ signature }) => ({ signature: flip(signature, 248) }) },
  { comment: "all bits flipped", onTheWay: ({ signature }) => ({ signature: signature.map((byte) => byte ^ 0xff) }) },
  { comment: "all zeros", onTheWay: () => ({ signature: Buffer.alloc(32) }) },
  { comment: "reversed", onTheWay: ({ signature }) => ({ signature: Buffer.from(signature).reverse() }) },
  { comment: "none", onTheWay: () => ({ signature: hex("") }) },
  { comment: "truncated to 31 bytes", onTheWay: ({ signature }) => ({ signature: signature.subarray(0, 31) }) },
  { comment: "truncated to 16 bytes", onTheWay: ({ signature }) => ({ signature: signature.subarray(0, 16) }) },
  { comment: "one byte", onTheWay: ({ signature }) => ({ signature: signature.subarray(0, 1) }) },
  {
    comment: "extended by a zero byte",
    onTheWay: ({ signature }) => ({ signature: Buffer.concat([signature, hex("00")]) }),
  },
  { comment: "as hex text", onTheWay: ({ signature }) => ({ signature: Buffer.from(toHex(signature)) }) },
]);

const ENVELOPE = encode();
const text = (...parts: readonly (string | Uint8Array)[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part as never)));

const BOUNDARIES = group("SigningInput", "SIGNATURE_INVALID", [
  { comment: "the envelope alone", input: ENVELOPE },
  { comment: "the parts without lengths", input: text("request", CALL_METHOD, "key-1", ENVELOPE) },
  { comment: "the label missing", input: pae(CALL_METHOD, "key-1", ENVELOPE) },
  { comment: "the label of responses", input: pae("response", CALL_METHOD, "key-1", ENVELOPE) },
  { comment: "the method missing", input: pae("request", "key-1", ENVELOPE) },
  { comment: "the key id missing", input: pae("request", CALL_METHOD, ENVELOPE) },
  { comment: "method and key id exchanged", input: pae("request", "key-1", CALL_METHOD, ENVELOPE) },
  { comment: "the method without its slash", input: pae("request", CALL_METHOD.slice(1), "key-1", ENVELOPE) },
  { comment: "a byte moved from key id to method", input: pae("request", `${CALL_METHOD}k`, "ey-1", ENVELOPE) },
  {
    comment: "a byte moved from envelope to key id",
    input: pae("request", CALL_METHOD, "key-1\n", ENVELOPE.subarray(1)),
  },
  { comment: "a fifth, empty part", input: pae("request", CALL_METHOD, "key-1", ENVELOPE, "") },
  {
    comment: "envelope in two parts",
    input: pae("request", CALL_METHOD, "key-1", ENVELOPE.subarray(0, 9), ENVELOPE.subarray(9)),
  },
  {
    comment: "another version at the start",
    input: text("mcp/0.2", pae("request", CALL_METHOD, "key-1", ENVELOPE).subarray(7)),
  },
  { comment: "a line break at the end", input: text(pae("request", CALL_METHOD, "key-1", ENVELOPE), "\n") },
  { comment: "lengths as 64-bit little-endian numbers", input: binaryPae("request", CALL_METHOD, "key-1", ENVELOPE) },
]);

function binaryPae(...parts: readonly (string | Uint8Array)[]): Buffer {
  const number = (value: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes;
  };
  const bytes = parts.map((part) => Buffer.from(part as never));
  return Buffer.concat([number(bytes.length), ...bytes.flatMap((part) => [number(part.length), part])]);
}

const append = (digits: string) => ({ bytes: Buffer.concat([ENVELOPE, hex(digits)]) });

const RULES = [
  ...group("Rule", "UNSUPPORTED_VERSION", [
    { comment: "another version", fields: { v: "mcp/0.2" } },
    { comment: "no version", fields: { v: "" } },
    {
      comment: "another version with a field of its own",
      bytes: Buffer.concat([encode({ v: "mcp/0.2" }), hex("c03e01")]),
    },
  ]),
  ...group("Rule", "CLIENT_MISMATCH", [
    { comment: "another client's name, rightly signed", fields: { clientId: "client-2" } },
    { comment: "the client's name in other letters", fields: { clientId: "Client-1" } },
  ]),
  ...group("Rule", "AUDIENCE_MISMATCH", [{ comment: "for another server", fields: { serverId: "server-2" } }]),
  ...group("Rule", "ENVELOPE_INVALID", [
    { comment: "an empty request id", fields: { requestId: "" } },
    { comment: "a request id of 129 characters", fields: { requestId: "r".repeat(129) } },
    { comment: "a request id with a space", fields: { requestId: "r 1" } },
    { comment: "a request id with a line break at its end", fields: { requestId: "r-1\n" } },
    { comment: "a request id beyond ASCII", fields: { requestId: "é" } },
    { comment: "ts_ms 0", fields: { tsMs: 0n } },
    { comment: "ts_ms -1", fields: { tsMs: -1n } },
    { comment: "an empty client id", fields: { clientId: "" } },
    { comment: "an empty server id", fields: { serverId: "" } },
    { comment: "an empty tool", fields: { tool: "" } },
    { comment: "a tool in capitals", fields: { tool: "BatchSum" } },
    { comment: "a tool of 129 characters", fields: { tool: "t".repeat(129) } },
    { comment: "no args", fields: { args: undefined } },
    { comment: "a nonce of 15 bytes", fields: { nonce: fixedBytes("nonce", 15) } },
    { comment: "a nonce of 65 bytes", fields: { nonce: fixedBytes("nonce", 65) } },
    { comment: "no nonce", fields: { nonce: hex("") } },
    { comment: "an unknown field", ...append("c03e01") },
    { comment: "an unknown field inside args", bytes: Buffer.concat([encode({ args: undefined }), hex("3a021801")]) },
    { comment: "request_id twice", ...append("1201 72") },
    { comment: "args twice", ...append("3a00") },
    { comment: "ts_ms as a fixed64", bytes: Buffer.concat([withoutTime, hex("19"), Buffer.alloc(8, 1)]) },
    { comment: "a zero tag", ...append("00") },
    { comment: "a group", ...append("4b4c") },
    { comment: "cut off in the last field", bytes: ENVELOPE.subarray(0, -1) },
    {
      comment: "text that is not UTF-8",
      bytes: Buffer.concat([encode({ tool: "" }), hex("3202c328")]),
    },
    { comment: "an empty envelope but for its version", bytes: field(1, Buffer.from("mcp/0.1")) },
  ]),
];

const TRUE = "2001";
const MINUS_ZERO = "11 0000000000000080";
const ZERO = "11 0000000000000000";
const ENTRIES = [entry("a", TRUE), entry("b", MINUS_ZERO), entry("é", "0800"), entry("\u{1f600}", "1a0178")];
const ORDERED = payload(...ENTRIES);

const CANONICAL = [
  ...group("Canonical", "valid", [
    {
      comment: "a map whose entries a relay put in another order",
      ...relay(ORDERED, payload(...ENTRIES.toReversed())),
    },
    {
      comment: "map entries whose value stands before the key",
      ...relay(ORDERED, payload(...ENTRIES.map((each) => field(1, backwards(split(each)[0]?.subarray(2) as Buffer))))),
    },
    { comment: "fields in descending order", ...relay(ORDERED, backwards(ORDERED)) },
    {
      comment: "a default written by a relay",
      ...relay(field(2, entry("a", TRUE)), Buffer.concat([hex("0800"), field(2, entry("a", TRUE))])),
    },
    {
      comment: "the empty key of a map's entry, not written by a relay",
      ...relay(payload(entry("", TRUE)), payload(hex("0a04 1202 2001"))),
    },
    {
      comment: "a list that a relay did not pack",
      ...relay(NUMBERS, hex("09000000000000f03f 090000000000000040 090000000000000c40"), SUM),
    },
    {
      comment: "a list that a relay packed in two parts",
      ...relay(NUMBERS, hex("0a08000000000000f03f 0a100000000000000040 0000000000000c40"), SUM),
    },
    {
      comment: "the envelope's fields in descending order, args as signed",
      onTheWay: ({ content }: Sent) => ({ content: backwards(content) }),
      counts: ENVELOPE,
    },
    {
      comment: "a field of the envelope written although it is empty",
      fields: { args: { typeUrl: SUM, value: hex("") } },
      onTheWay: () => ({
        content: Buffer.concat([
          encode({ args: undefined }),
          field(7, Buffer.concat([field(1, Buffer.from(SUM)), hex("1200")])),
        ]),
      }),
      counts: encode({ args: { typeUrl: SUM, value: hex("") } }),
    },
  ]),
  ...group("Canonical", "SIGNATURE_INVALID", [
    { comment: "a signer that did not sort its map", ...relay(payload(...ENTRIES.toReversed()), ORDERED) },
    {
      comment: "a relay that made 0 of -0",
      ...relay(ORDERED, payload(entry("a", TRUE), entry("b", ZERO), entry("é", "0800"), entry("\u{1f600}", "1a0178"))),
    },
    { comment: "a relay that dropped an entry", ...relay(ORDERED, payload(...ENTRIES.slice(1))) },
    { comment: "a relay that repeated an entry", ...relay(ORDERED, payload(...ENTRIES, ENTRIES[0] as Buffer)) },
    { comment: "a relay that added an unknown field", ...relay(ORDERED, Buffer.concat([ORDERED, hex("1801")])) },
    { comment: "a relay that repeated a field", ...relay(ORDERED, Buffer.concat([ORDERED, hex("0803")])) },
    { comment: "a bool of 2", ...relay(ORDERED, payload(entry("a", "2002"), ...ENTRIES.slice(1))) },
    { comment: "a padded varint", ...relay(ORDERED, Buffer.concat([hex("088300"), ORDERED.subarray(2)])) },
    {
      comment: "an int32 that lenient decoders cut to the one signed",
      ...relay(ORDERED, Buffer.concat([hex("08 8380808010"), ORDERED.subarray(2)])),
    },
    {
      comment: "two members of one oneof",
      ...relay(ORDERED, payload(entry("a", "2000 2001"), ...ENTRIES.slice(1))),
    },
    { comment: "an Any nested in args", ...relay(hex("0a00 1200"), hex("1200 0a00"), POLL) },
    {
      comment: "a type that the verifier does not know",
      ...relay(ORDERED, backwards(ORDERED), `${TYPE_URL_PREFIX}example.v1.Absent`),
    },
    {
      comment: "a type URL of another host",
      ...relay(ORDERED, backwards(ORDERED), `example.com/${TASK.slice(TYPE_URL_PREFIX.length)}`),
    },
  ]),
];

const CALL_STREAM = [
  ...group("CallStream", "valid", [
    { comment: "a call on a stream, signed for its own method", method: CALL_STREAM_METHOD },
  ]),
  ...group("CallStream", "SIGNATURE_INVALID", [
    { comment: "a call sent on a stream", onTheWay: () => ({ method: CALL_STREAM_METHOD }) },
    {
      comment: "a call on a stream sent by itself",
      method: CALL_STREAM_METHOD,
      onTheWay: () => ({ method: CALL_METHOD }),
    },
  ]),
];

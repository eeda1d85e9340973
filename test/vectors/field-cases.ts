import type { Envelope } from "../../gen/sealwire/v1/envelope.ts";
import { hex } from "../validation/sample-image.ts";
import { encode, field, group, type RequestSpec, SUM, split } from "./request-case.ts";
import { fixedBytes } from "./vector-file.ts";

const ENVELOPE = encode();
const PARTS = split(ENVELOPE);
const FIELDS = ["v", "request_id", "ts_ms", "client_id", "server_id", "tool", "args", "nonce"] as const;

/** The envelope with other bytes in place of the field of this number. */
function replaced(number: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat(PARTS.map((part, index) => (index + 1 === number ? bytes : part)));
}

const text = (number: number, digits: string) => ({ bytes: replaced(number, field(number, hex(digits))) });
const any = (...parts: readonly Uint8Array[]) => ({ bytes: replaced(7, field(7, Buffer.concat(parts))) });
const TYPE = field(1, Buffer.from(SUM));

const NAMES: readonly { comment: string; fields: Partial<Envelope> }[] = [
  { comment: "NUL in the request id", fields: { requestId: "r\x001" } },
  { comment: "DEL in the request id", fields: { requestId: "r\x7f1" } },
  { comment: "an astral character in the request id", fields: { requestId: "\u{1f600}" } },
  { comment: "a client id of 129 characters", fields: { clientId: "c".repeat(129) } },
  { comment: "a client id with NUL at its end", fields: { clientId: "client-1\0" } },
  { comment: "a client id with a space", fields: { clientId: "client 1" } },
  { comment: "a server id of 129 characters", fields: { serverId: "s".repeat(129) } },
  { comment: "a server id with a line break at its end", fields: { serverId: "server-1\n" } },
  { comment: "a tool with NUL at its end", fields: { tool: "batch_sum\0" } },
  { comment: "a tool that begins with a digit", fields: { tool: "1st" } },
  { comment: "a tool with a hyphen", fields: { tool: "batch-sum" } },
  { comment: "the least ts_ms of an int64", fields: { tsMs: -(2n ** 63n) } },
  { comment: "a nonce of 1 KiB", fields: { nonce: fixedBytes("nonce", 1024) } },
];

/** Each field of the envelope at fault, rightly signed, and key ids that no frame may have. */
export const FIELD_FAULTS: readonly RequestSpec[] = [
  ...group("Rule", "ENVELOPE_INVALID", [
    ...FIELDS.flatMap((name, index) =>
      ["request_id", "args"].includes(name)
        ? []
        : [{ comment: `${name} twice`, bytes: Buffer.concat([ENVELOPE, PARTS[index] as Buffer]) }],
    ),
    ...FIELDS.map((name, index) => ({
      comment: `${name} of a wrong wire type`,
      bytes: replaced(index + 1, Buffer.from([((index + 1) << 3) | 5, 1, 2, 3, 4])),
    })),
    { comment: "request_id that is not UTF-8", ...text(2, "ff") },
    { comment: "client_id that is not UTF-8", ...text(4, "c0af") },
    { comment: "server_id with an encoded surrogate", ...text(5, "eda080") },
    { comment: "args with its type twice", ...any(TYPE, TYPE) },
    { comment: "args with its value twice", ...any(TYPE, field(2, hex("")), field(2, hex(""))) },
    { comment: "args with a type that is not UTF-8", ...any(field(1, hex("ff"))) },
    { comment: "args with a value of a wrong wire type", ...any(TYPE, hex("1001")) },
    { comment: "args cut off inside", ...any(TYPE, hex("1202 00")) },
    { comment: "ts_ms as a varint of 65 bits", bytes: replaced(3, hex("18 ffffffffffffffffff02")) },
    { comment: "a field of number 0 beside its wire type", bytes: Buffer.concat([ENVELOPE, hex("0200")]) },
    { comment: "a field with the largest number", bytes: Buffer.concat([ENVELOPE, hex("f8ffffff0f 00")]) },
    ...NAMES,
  ]),
  ...group("Rule", "AUDIENCE_MISMATCH", [
    { comment: "the server's name in other letters", fields: { serverId: "SERVER-1" } },
    { comment: "a server's name that begins with this one's", fields: { serverId: "server-10" } },
  ]),
  ...group("Rule", "CLIENT_MISMATCH", [
    { comment: "a client's name that begins with this one's", fields: { clientId: "client-10" } },
  ]),
  ...group("Rule", "UNSUPPORTED_VERSION", [
    { comment: "the version in capitals", fields: { v: "MCP/0.1" } },
    { comment: "the version with a space at its end", fields: { v: "mcp/0.1 " } },
  ]),
  ...group("Altered", "SIGNATURE_INVALID", [
    {
      comment: "a bit of each byte of the nonce flipped",
      ...altered({ nonce: fixedBytes("nonce", 16).map((b) => b ^ 1) }),
    },
    { comment: "args.value emptied", ...altered({ args: { typeUrl: SUM, value: hex("") } }) },
    {
      comment: "args.type_url of another host",
      ...altered({ args: { typeUrl: SUM.replace("type", "kind"), value: hex("") } }),
    },
  ]),
  ...group("Frame", "SIGNATURE_INVALID", [
    { comment: "a key id of 129 characters", onTheWay: () => ({ keyId: "k".repeat(129) }) },
    { comment: "a key id with NUL at its end", onTheWay: () => ({ keyId: "key-1\0" }) },
  ]),
];

function altered(change: Partial<Envelope>): Pick<RequestSpec, "onTheWay"> {
  return { onTheWay: () => ({ content: encode(change) }) };
}

const DIGEST = "0f".repeat(32);

/** The digest of the definition that the caller accepts. */
export const DEFINITIONS: readonly RequestSpec[] = [
  ...group("Definition", "valid", [{ comment: "a definition digest", fields: { definitionDigest: DIGEST } }]),
  ...group("Definition", "SIGNATURE_INVALID", [
    {
      comment: "definition_digest changed after signing",
      fields: { definitionDigest: DIGEST },
      ...altered({ definitionDigest: "f0".repeat(32) }),
    },
    { comment: "definition_digest taken out after signing", fields: { definitionDigest: DIGEST }, ...altered({}) },
    { comment: "definition_digest added after signing", ...altered({ definitionDigest: DIGEST }) },
  ]),
  ...group("Definition", "ENVELOPE_INVALID", [
    { comment: "63 hex digits", fields: { definitionDigest: DIGEST.slice(1) } },
    { comment: "65 hex digits", fields: { definitionDigest: `${DIGEST}0` } },
    { comment: "hex digits in capitals", fields: { definitionDigest: DIGEST.toUpperCase() } },
    { comment: "a line break at the end", fields: { definitionDigest: `${DIGEST}\n` } },
    { comment: "definition_digest twice", bytes: Buffer.concat([encode({ definitionDigest: DIGEST }), digestField()]) },
    { comment: "definition_digest of a wrong wire type", bytes: Buffer.concat([ENVELOPE, hex("4801")]) },
  ]),
];

function digestField(): Buffer {
  return field(9, Buffer.from(DIGEST));
}

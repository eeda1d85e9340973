import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Envelope } from "../../gen/sealwire/v1/envelope.ts";
import type { Reason } from "../../src/errors.ts";
import { mac, macKey } from "../../src/signing/mac.ts";
import { requestSigningInput } from "../../src/signing/request/signature.ts";
import { type Frame, writeFrame } from "../../src/wire/frame.ts";
import { CALL_METHOD, TYPE_URL_PREFIX } from "../../src/wire/limits.ts";
import { WireCursor } from "../../src/wire/wire-cursor.ts";
import { hex } from "../validation/sample-image.ts";
import { fixedBytes, messageJson, NOW_MS, SERVER_ID, toHex, type VectorKey } from "./vector-file.ts";

/** One request: how it was signed, what arrived, and what the verifier must say. Bytes are hex, int64 are text. */
export interface RequestCase {
  readonly id: number;
  readonly comment: string;
  readonly flag: string;
  /** What the signer signed, and with what result. */
  readonly signed: {
    readonly method: string;
    readonly keyId: string;
    /** Fields of the Envelope; null where its bytes are not what an encoder would make of any. */
    readonly fields: JsonObject | null;
    readonly envelope: string;
    readonly signingInput: string;
    /** Names the key in `keys` whose request key signed, or is a key of its own in hex. */
    readonly key: string;
    readonly signature: string;
  };
  /** What the verifier received. */
  readonly received: { readonly method: string; readonly frame: string; readonly frameJson: JsonValue };
  /** "valid" or the reason of the refusal. */
  readonly result: "valid" | Reason;
  /** The Envelope that counts from then on, where the result is "valid". */
  readonly envelope: string | null;
}

/** Type URL of the arguments of batch_sum. */
export const SUM = `${TYPE_URL_PREFIX}sealwire.demo.v1.BatchSumRequest`;
/** Type URL of the arguments of start_long_task. */
export const TASK = `${TYPE_URL_PREFIX}sealwire.demo.v1.StartLongTaskRequest`;
/** Numbers 1, 2, 3.5. */
export const NUMBERS = hex("0a18 000000000000f03f 0000000000000040 0000000000000c40");

/** The Envelope of which all others are changes. */
export const BASE: Envelope = {
  v: "mcp/0.1",
  requestId: "6f6f8f3e-1d4b-4a53-9a51-0c5b7e9f1a01",
  tsMs: BigInt(NOW_MS),
  clientId: "client-1",
  serverId: SERVER_ID,
  tool: "batch_sum",
  args: { typeUrl: SUM, value: NUMBERS },
  nonce: fixedBytes("nonce", 16),
  definitionDigest: "",
};

/** A frame with the gRPC path it is sent to. */
export interface Sent extends Frame {
  readonly method: string;
}

/** What tells a case from a plain call. */
export interface RequestSpec {
  readonly comment: string;
  readonly flag: string;
  readonly result: "valid" | Reason;
  /** Changes of the Envelope before it is signed. */
  readonly fields?: Partial<Envelope>;
  /** The Envelope's bytes to be signed, where they are not simply its fields encoded. */
  readonly bytes?: Uint8Array;
  readonly method?: string;
  readonly keyId?: string;
  /** Another key's id, or a key in hex, that signs. */
  readonly key?: string;
  /** What is signed in place of the signing input. */
  readonly input?: Uint8Array;
  /** What becomes of the frame on its way. */
  readonly onTheWay?: (sent: Sent) => Partial<Sent> & { readonly frame?: Uint8Array };
  /** The Envelope that counts, where it is not the one received. */
  readonly counts?: Uint8Array;
}

/** Bytes of {@link BASE} with changes. */
export function encode(change: Partial<Envelope> = {}): Uint8Array {
  return Envelope.encode({ ...BASE, ...change }).finish();
}

/** A copy with one bit flipped. */
export function flip(bytes: Uint8Array, bit: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped.writeUInt8((flipped[bit >> 3] as number) ^ (1 << (bit & 7)), bit >> 3);
  return flipped;
}

/** A length-delimited field with a number below 16. */
export function field(number: number, value: Uint8Array): Buffer {
  return Buffer.from(new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(value).finish());
}

/** Signs what a spec says with one of `keys`. */
export function requestCase(spec: RequestSpec, keys: readonly VectorKey[], id: number): RequestCase {
  const method = spec.method ?? CALL_METHOD;
  const keyId = spec.keyId ?? "key-1";
  const content = spec.bytes ?? encode(spec.fields);
  const signer = spec.key ?? keyId;
  const known = keys.find((key) => key.keyId === signer);
  const input = spec.input ?? requestSigningInput({ method, keyId, envelope: content });
  const signature = mac(macKey(hex(known?.requestKey ?? signer)), input);
  const sent: Sent = { method, content, keyId, signature };
  const change = spec.onTheWay?.(sent) ?? {};
  const received = { ...sent, ...change };
  const frame = change.frame ?? writeFrame(received);
  return {
    id,
    comment: spec.comment,
    flag: spec.flag,
    signed: {
      method,
      keyId,
      fields: spec.bytes === undefined ? fieldsJson({ ...BASE, ...spec.fields }) : null,
      envelope: toHex(content),
      signingInput: toHex(input),
      key: signer,
      signature: toHex(signature),
    },
    received: {
      method: received.method,
      frame: toHex(frame),
      frameJson: messageJson(frame, "sealwire.v1.CallRequest"),
    },
    result: spec.result,
    envelope: spec.result === "valid" ? toHex(spec.counts ?? received.content) : null,
  };
}

function fieldsJson(envelope: Envelope): JsonObject {
  const { v, requestId, tsMs, clientId, serverId, tool, args, nonce, definitionDigest } = envelope;
  return {
    v,
    requestId,
    tsMs: String(tsMs),
    clientId,
    serverId,
    tool,
    args: args === undefined ? null : { typeUrl: args.typeUrl, value: toHex(args.value) },
    nonce: toHex(nonce),
    // The field is newer than the others, and left out where it is empty.
    ...(definitionDigest === "" ? {} : { definitionDigest }),
  };
}

/** The top-level fields of a message, one by one. */
export function split(bytes: Uint8Array): Buffer[] {
  const cursor = new WireCursor(bytes);
  const end = cursor.bytes.length;
  const fields: Buffer[] = [];
  while (cursor.pos < end) {
    const start = cursor.pos;
    cursor.skip(cursor.tag(end) & 7, end);
    fields.push(cursor.bytes.subarray(start, cursor.pos));
  }
  return fields;
}

/** The top-level fields of a message, last one first. */
export function backwards(bytes: Uint8Array): Buffer {
  return Buffer.concat(split(bytes).reverse());
}

/** Specs that share a flag and a result. */
export function group(
  flag: string,
  result: RequestSpec["result"],
  specs: readonly Omit<RequestSpec, "flag" | "result">[],
): readonly RequestSpec[] {
  return specs.map((spec) => ({ flag, result, ...spec }));
}

/** A change that calls start_long_task with these bytes as arguments. */
export function task(value: Uint8Array): Partial<Envelope> {
  return { tool: "start_long_task", args: { typeUrl: TASK, value } };
}

/** An entry of a Struct: a text and the hex of a Value. */
export function entry(key: string, value: string): Buffer {
  return field(1, Buffer.concat([field(1, Buffer.from(key)), field(2, hex(value))]));
}

/** The hex of a Value that holds a text. */
export function textValue(value: string | Uint8Array): string {
  return toHex(field(3, Buffer.from(value as never)));
}

/** Arguments of start_long_task: 3 seconds and a payload of these entries. */
export function payload(...entries: readonly Uint8Array[]): Buffer {
  return Buffer.concat([hex("0803"), field(2, Buffer.concat(entries))]);
}

/** `args` that arrive otherwise than they were signed; where that is valid, those signed count. */
export function relay(
  signed: Uint8Array,
  arrived: Uint8Array,
  type = TASK,
): Pick<RequestSpec, "fields" | "onTheWay" | "counts"> {
  const fields: Partial<Envelope> = { tool: "start_long_task", args: { typeUrl: type, value: signed } };
  const content = encode({ ...fields, args: { typeUrl: type, value: arrived } });
  return { fields, onTheWay: () => ({ content }), counts: encode(fields) };
}

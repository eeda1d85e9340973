import { Response, Status } from "../../gen/sealwire/v1/response.ts";
import { mac, macKey } from "../../src/signing/mac.ts";
import { pae } from "../../src/signing/pae.ts";
import { writeFrame } from "../../src/wire/frame.ts";
import { CALL_METHOD, MAX_REQUEST_BYTES, TYPE_URL_PREFIX } from "../../src/wire/limits.ts";
import { hex } from "../validation/sample-image.ts";
import { type ByteRuns, toRuns } from "./byte-runs.ts";
import { importedKey } from "./mac-cases.ts";
import { encode, flip, SUM } from "./request-case.ts";
import { fixedBytes, NOW_MS, SERVER_ID, toHex, vectorKey } from "./vector-file.ts";

/** One frame: the parts that were signed, and what arrived. Keys and signatures are hex. */
export interface SizeCase {
  readonly id: number;
  readonly comment: string;
  readonly flag: "Request" | "Response";
  readonly key: string;
  readonly keyId: string;
  /** PAE of these is the signing input; the last is the frame's content. */
  readonly parts: readonly ByteRuns[];
  readonly signingInput: ByteRuns;
  readonly signature: string;
  /** What arrived. */
  readonly frame: ByteRuns;
  /** Whether the signature holds for it. */
  readonly result: "valid" | "SIGNATURE_INVALID" | "RESPONSE_UNVERIFIED";
}

/** The file `sizes.json`. */
export interface SizeVectors {
  readonly kind: "sizes";
  readonly protocol: string;
  /** HMAC-SHA256(key, input) = mac. */
  readonly macs: readonly {
    readonly comment: string;
    readonly key: string;
    readonly input: ByteRuns;
    readonly mac: string;
  }[];
  readonly cases: readonly SizeCase[];
}

const MIB = 1024 * 1024;
const SIZES = [0, 1, 63, 64, 65, 4096, MIB];
const KEY_SIZES = [32, 64, 65, 128];
const RESULT = `${TYPE_URL_PREFIX}sealwire.demo.v1.StartLongTaskResponse`;

function keyOf(bytes: number): string {
  return bytes === 32 ? vectorKey("key-1").requestKey : importedKey(bytes);
}

interface Spec {
  readonly comment: string;
  readonly flag: SizeCase["flag"];
  readonly content: Uint8Array;
  readonly key?: string;
  /** What becomes of the content on its way. */
  readonly arrives?: Uint8Array;
}

function sizeCase(spec: Spec, id: number): SizeCase {
  const { comment, flag, content } = spec;
  const request = flag === "Request";
  const keyId = "key-1";
  const key = spec.key ?? (request ? keyOf(32) : vectorKey(keyId).responseKey);
  const parts = request
    ? [Buffer.from("request"), Buffer.from(CALL_METHOD), Buffer.from(keyId), content]
    : [Buffer.from("response"), fixedBytes("request signature", 32), content];
  const signingInput = pae(...parts);
  const signature = mac(macKey(hex(key)), signingInput);
  return {
    id,
    comment,
    flag,
    key,
    keyId,
    parts: parts.map(toRuns),
    signingInput: toRuns(signingInput),
    signature: toHex(signature),
    frame: toRuns(writeFrame({ content: spec.arrives ?? content, keyId, signature })),
    result: spec.arrives === undefined ? "valid" : request ? "SIGNATURE_INVALID" : "RESPONSE_UNVERIFIED",
  };
}

/** An Envelope whose `args` hold so many bytes that mean nothing to the verifier of a signature. */
function envelope(bytes: number): Uint8Array {
  return encode({ args: { typeUrl: SUM, value: Buffer.alloc(bytes, "a") } });
}

function response(bytes: number, sequence: bigint): Uint8Array {
  return Response.encode(
    Response.fromPartial({
      v: "mcp/0.1",
      requestId: "6f6f8f3e-1d4b-4a53-9a51-0c5b7e9f1a01",
      tsMs: BigInt(NOW_MS),
      ok: true,
      serverId: SERVER_ID,
      status: sequence === 0n ? Status.OK : Status.DONE,
      result: { typeUrl: RESULT, value: Buffer.alloc(bytes, "a") },
      sequence,
    }),
  ).finish();
}

/** Bytes of `args` with which the frame is as large as a server reads. */
function largestArgs(): number {
  const frame = (bytes: number) =>
    writeFrame({ content: envelope(bytes), keyId: "key-1", signature: Buffer.alloc(32) }).length;
  return MAX_REQUEST_BYTES - (frame(MAX_REQUEST_BYTES) - MAX_REQUEST_BYTES);
}

function damaged(comment: string, flag: SizeCase["flag"], content: Uint8Array): readonly Spec[] {
  const middle = content.length >> 1;
  return [
    { comment: `${comment}, a bit in the middle flipped`, flag, content, arrives: flip(content, middle * 8) },
    {
      comment: `${comment}, a byte in the middle lost`,
      flag,
      content,
      arrives: Buffer.concat([content.subarray(0, middle), content.subarray(middle + 1)]),
    },
  ];
}

/** `sizes.json`, made anew. */
export function sizeVectors(): SizeVectors {
  const specs: readonly Spec[] = [
    ...KEY_SIZES.flatMap((keyBytes) =>
      SIZES.map((bytes) => ({
        comment: `args.value of ${bytes} bytes, a key of ${keyBytes}`,
        flag: "Request" as const,
        content: envelope(bytes),
        key: keyOf(keyBytes),
      })),
    ),
    { comment: "a frame of 1 MiB, the largest that a server reads", flag: "Request", content: envelope(largestArgs()) },
    ...damaged("args.value of 1 MiB", "Request", envelope(MIB)),
    ...SIZES.flatMap((bytes) =>
      [0n, 1n].map((sequence) => ({
        comment: `result.value of ${bytes} bytes, ${sequence === 0n ? "unary" : "on a stream"}`,
        flag: "Response" as const,
        content: response(bytes, sequence),
      })),
    ),
    ...damaged("result.value of 1 MiB", "Response", response(MIB, 0n)),
  ];
  return {
    kind: "sizes",
    protocol: "mcp/0.1",
    macs: KEY_SIZES.flatMap((keyBytes) => SIZES.map((bytes) => sizedMac(keyBytes, bytes))),
    cases: specs.map((spec, index) => sizeCase(spec, index + 1)),
  };
}

function sizedMac(keyBytes: number, bytes: number): SizeVectors["macs"][number] {
  const key = keyOf(keyBytes);
  const input = Buffer.alloc(bytes, "a");
  return {
    comment: `a key of ${keyBytes} bytes, an input of ${bytes}`,
    key,
    input: toRuns(input),
    mac: toHex(mac(macKey(hex(key)), input)),
  };
}

import type { JsonValue } from "@bufbuild/protobuf";
import { Code } from "../../gen/google/rpc/code.ts";
import { Error as ErrorMessage, ErrorReason } from "../../gen/sealwire/v1/error.ts";
import { Job, JobState } from "../../gen/sealwire/v1/job.ts";
import { Response, Status } from "../../gen/sealwire/v1/response.ts";
import type { Reason } from "../../src/errors.ts";
import { mac, macKey } from "../../src/signing/mac.ts";
import { pae } from "../../src/signing/pae.ts";
import { responseSigningInput } from "../../src/signing/response-signature.ts";
import { type Frame, writeFrame } from "../../src/wire/frame.ts";
import { TYPE_URL_PREFIX } from "../../src/wire/limits.ts";
import { hex } from "../validation/sample-image.ts";
import { fixedBytes, frameJson, NOW_MS, SERVER_ID, toHex, type VectorKey, vectorKey } from "./vector-file.ts";

/** One answer: how it was signed, what arrived, and what the verifier must say. Bytes are hex, int64 are text. */
export interface ResponseCase {
  readonly id: number;
  readonly comment: string;
  readonly flag: string;
  readonly signed: {
    /** Signature of the request that the signer answered. */
    readonly requestSignature: string;
    readonly response: string;
    readonly signingInput: string;
    /** The HMAC key. */
    readonly key: string;
    readonly signature: string;
  };
  readonly received: { readonly frame: string; readonly frameJson: JsonValue };
  /** Which message the verifier expects: 0 for a unary answer, 1, 2, 3 on a stream. */
  readonly sequence: string;
  readonly result: "valid" | Reason;
  /** True where only a strict decoder notices; a verifier that parses leniently says "valid", which does no harm. */
  readonly lenient?: true;
}

/** The file `responses.json`. */
export interface ResponseVectors {
  readonly kind: "responses";
  readonly protocol: string;
  /** The request that every case is expected to answer. */
  readonly request: { readonly serverId: string; readonly requestId: string; readonly signature: string };
  readonly key: VectorKey;
  readonly cases: readonly ResponseCase[];
}

const KEY = vectorKey("key-1");
const REQUEST = {
  serverId: SERVER_ID,
  requestId: "6f6f8f3e-1d4b-4a53-9a51-0c5b7e9f1a01",
  signature: toHex(fixedBytes("request signature", 32)),
};
const SUM = `${TYPE_URL_PREFIX}sealwire.demo.v1.BatchSumResponse`;

const BASE = Response.fromPartial({
  v: "mcp/0.1",
  requestId: REQUEST.requestId,
  tsMs: BigInt(NOW_MS),
  ok: true,
  serverId: SERVER_ID,
  status: Status.OK,
  result: { typeUrl: SUM, value: hex("0803 110000000000001a40") },
});

function job(state: JobState, error?: ErrorMessage): Job {
  return Job.fromPartial({
    jobId: "j-1",
    tool: "start_long_task",
    requestId: REQUEST.requestId,
    state,
    revision: 4n,
    attempt: 1,
    maxAttempts: 3,
    progress: { completed: 2n, total: 5n, message: "working" },
    error,
    createTime: { seconds: BigInt(NOW_MS / 1000), nanos: 500_000_000 },
  });
}

const REFUSED_ARGS = ErrorMessage.fromPartial({
  code: Code.INVALID_ARGUMENT,
  reason: ErrorReason.ARGS_INVALID,
  message: "The arguments are not valid.",
  violations: [{ field: "numbers[0]", ruleId: "double.finite", message: "must be finite" }],
  violationsOmitted: 3,
});
const LOST = ErrorMessage.fromPartial({ code: Code.ABORTED, reason: ErrorReason.WORKER_LOST, retryable: true });

interface Spec {
  readonly comment: string;
  readonly flag: string;
  readonly result: "valid" | Reason;
  readonly lenient?: true;
  readonly fields?: Partial<Response>;
  /** The Response's bytes, where they are not simply its fields encoded. */
  readonly bytes?: Uint8Array;
  readonly requestSignature?: string;
  readonly key?: string;
  readonly input?: Uint8Array;
  readonly sequence?: number;
  readonly onTheWay?: (sent: Frame) => Partial<Frame> & { readonly frame?: Uint8Array };
}

function encode(change: Partial<Response> = {}): Uint8Array {
  return Response.encode({ ...BASE, ...change }).finish();
}

function caseOf(spec: Spec, id: number): ResponseCase {
  const content = spec.bytes ?? encode(spec.fields);
  const requestSignature = spec.requestSignature ?? REQUEST.signature;
  const input = spec.input ?? responseSigningInput({ requestSignature: hex(requestSignature), response: content });
  const key = spec.key ?? KEY.responseKey;
  const signature = mac(macKey(hex(key)), input);
  const sent: Frame = { content, keyId: KEY.keyId, signature };
  const change = spec.onTheWay?.(sent) ?? {};
  const frame = change.frame ?? writeFrame({ ...sent, ...change });
  return {
    id,
    comment: spec.comment,
    flag: spec.flag,
    signed: {
      requestSignature,
      response: toHex(content),
      signingInput: toHex(input),
      key,
      signature: toHex(signature),
    },
    received: { frame: toHex(frame), frameJson: frameJson(frame, "sealwire.v1.CallResponse") },
    sequence: String(spec.sequence ?? 0),
    result: spec.result,
    ...(spec.lenient && { lenient: true }),
  };
}

/** `responses.json`, made anew. */
export function responseVectors(): ResponseVectors {
  const specs = [VALID, STREAM, BINDING, CONTRACT, FRAMES, BOUNDARIES].flat();
  return {
    kind: "responses",
    protocol: "mcp/0.1",
    request: REQUEST,
    key: KEY,
    cases: specs.map((spec, index) => caseOf(spec, index + 1)),
  };
}

function group(flag: string, result: Spec["result"], specs: readonly Omit<Spec, "flag" | "result">[]): readonly Spec[] {
  return specs.map((spec) => ({ flag, result, ...spec }));
}

function flip(bytes: Uint8Array, bit: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped.writeUInt8((flipped[bit >> 3] as number) ^ (1 << (bit & 7)), bit >> 3);
  return flipped;
}

const none = { result: undefined };

function running(sequence: bigint): Partial<Response> {
  return { ...none, status: Status.RUNNING, job: job(JobState.RUNNING), sequence };
}

const VALID = group("Valid", "valid", [
  { comment: "OK with a result" },
  { comment: "ACCEPTED with a job", fields: { ...none, status: Status.ACCEPTED, job: job(JobState.QUEUED) } },
  { comment: "RUNNING with a job", fields: running(0n) },
  { comment: "DONE with a job", fields: { status: Status.DONE, job: job(JobState.SUCCEEDED) } },
  { comment: "ERROR with violations", fields: { ...none, ok: false, status: Status.ERROR, error: REFUSED_ARGS } },
  {
    comment: "ERROR with a failed job",
    fields: { ...none, ok: false, status: Status.ERROR, job: job(JobState.FAILED, LOST) },
  },
  { comment: "CANCELLED", fields: { ...none, ok: false, status: Status.CANCELLED, job: job(JobState.CANCELLED) } },
  {
    comment: "fields in another order, signed so",
    bytes: Buffer.concat([encode().subarray(9), encode().subarray(0, 9)]),
  },
]);

const STREAM = [
  ...group("Stream", "valid", [
    { comment: "the first message of a stream", fields: running(1n), sequence: 1 },
    { comment: "the second message of a stream", fields: running(2n), sequence: 2 },
    { comment: "a late message of a stream", fields: running(2n ** 31n), sequence: 2 ** 31 },
  ]),
  ...group("Stream", "RESPONSE_UNVERIFIED", [
    { comment: "a message left out", fields: running(3n), sequence: 2 },
    { comment: "a message repeated", fields: running(1n), sequence: 2 },
    { comment: "a unary answer in a stream", fields: running(0n), sequence: 1 },
    { comment: "a stream's message as a unary answer", fields: running(1n), sequence: 0 },
    { comment: "a negative sequence", fields: running(-1n), sequence: 0 },
  ]),
];

const ALTERED = {
  request_id: { requestId: "another" },
  ts_ms: { tsMs: BigInt(NOW_MS + 1) },
  ok_and_status: { ok: false, status: Status.ERROR },
  server_id: { serverId: "server-2" },
  result: { result: { typeUrl: SUM, value: hex("0804 110000000000001a40") } },
  sequence: { sequence: 1n },
} satisfies Record<string, Partial<Response>>;

const BINDING = group("Binding", "RESPONSE_UNVERIFIED", [
  { comment: "the answer to another request", requestSignature: toHex(fixedBytes("another request", 32)) },
  { comment: "bound to no request", requestSignature: "" },
  { comment: "signed with the request key", key: KEY.requestKey },
  {
    comment: "signed with another client's response key",
    key: vectorKey("key-2", { clientId: "client-2" }).responseKey,
  },
  { comment: "signed with a key of zeros", key: "00".repeat(32) },
  { comment: "another key id beside it", onTheWay: () => ({ keyId: "key-2" }) },
  { comment: "another request id inside, rightly signed", fields: { requestId: "another" } },
  { comment: "another server inside, rightly signed", fields: { serverId: "server-2" } },
  ...Object.entries(ALTERED).map(([name, change]) => ({
    comment: `${name} changed after signing`,
    onTheWay: () => ({ content: encode(change) }),
  })),
  { comment: "one bit of the response flipped", onTheWay: ({ content }) => ({ content: flip(content, 77) }) },
]);

const RESPONSE = encode();
const append = (digits: string) => ({ bytes: Buffer.concat([RESPONSE, hex(digits)]) });

const CONTRACT = group("Contract", "RESPONSE_UNVERIFIED", [
  { comment: "another version", fields: { v: "mcp/0.2" } },
  { comment: "OK, but not ok", fields: { ok: false } },
  { comment: "ERROR, but ok", fields: { status: Status.ERROR } },
  { comment: "CANCELLED, but ok", fields: { status: Status.CANCELLED } },
  { comment: "no status", fields: { status: Status.UNSPECIFIED, ok: false } },
  { comment: "an unknown status", fields: { status: 7 as Status } },
  { comment: "an unknown field", lenient: true, ...append("5801") },
  { comment: "an unknown field in the job", lenient: true, ...append("4a037a0101") },
  { comment: "an unknown field in the job's error", lenient: true, ...append("4a054a03f80101") },
  { comment: "a field twice", lenient: true, ...append("2001") },
  { comment: "a zero tag", ...append("00") },
  { comment: "text that is not UTF-8", ...append("4a030a01ff") },
  { comment: "a wrong wire type", lenient: true, ...append("5200") },
  { comment: "an empty response", bytes: hex("") },
]);

const FRAMES = group("Frame", "RESPONSE_UNVERIFIED", [
  { comment: "an empty frame", onTheWay: () => ({ frame: hex("") }) },
  { comment: "the last byte cut off", onTheWay: (sent) => ({ frame: writeFrame(sent).subarray(0, -1) }) },
  { comment: "an unknown field", lenient: true, onTheWay: (sent) => ({ frame: Buffer.concat([writeFrame(sent), hex("2200")]) }) },
  { comment: "the key id twice", onTheWay: (sent) => ({ frame: Buffer.concat([writeFrame(sent), hex("12016b")]) }) },
  { comment: "no signature", onTheWay: () => ({ signature: hex("") }) },
  { comment: "a truncated signature", onTheWay: ({ signature }) => ({ signature: signature.subarray(0, 31) }) },
  {
    comment: "an extended signature",
    onTheWay: ({ signature }) => ({ signature: Buffer.concat([signature, hex("00")]) }),
  },
  { comment: "a flipped bit in the signature", onTheWay: ({ signature }) => ({ signature: flip(signature, 128) }) },
  { comment: "a signature of zeros", onTheWay: () => ({ signature: Buffer.alloc(32) }) },
]);

const SIGNATURE = hex(REQUEST.signature);

const BOUNDARIES = group("SigningInput", "RESPONSE_UNVERIFIED", [
  { comment: "the response alone", input: RESPONSE },
  { comment: "the label missing", input: pae(SIGNATURE, RESPONSE) },
  { comment: "the label of requests", input: pae("request", SIGNATURE, RESPONSE) },
  { comment: "request's signature and response exchanged", input: pae("response", RESPONSE, SIGNATURE) },
  { comment: "the request's signature as hex", input: pae("response", REQUEST.signature, RESPONSE) },
  {
    comment: "a byte moved from response to signature",
    input: pae("response", Buffer.concat([SIGNATURE, RESPONSE.subarray(0, 1)]), RESPONSE.subarray(1)),
  },
]);

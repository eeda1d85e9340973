import type { JsonValue } from "@bufbuild/protobuf";
import { Code } from "../../gen/google/rpc/code.ts";
import { Error as ErrorMessage, ErrorReason } from "../../gen/sealwire/v1/error.ts";
import { Job, JobState } from "../../gen/sealwire/v1/job.ts";
import { Response, Status } from "../../gen/sealwire/v1/response.ts";
import type { Reason } from "../../src/errors.ts";
import { mac, macKey } from "../../src/signing/mac.ts";
import { pae } from "../../src/signing/pae.ts";
import { responseSigningInput } from "../../src/signing/response/signature.ts";
import { type Frame, writeFrame } from "../../src/wire/frame.ts";
import { TYPE_URL_PREFIX } from "../../src/wire/limits.ts";
import { hex } from "../validation/sample-image.ts";
import { flip, split } from "./request-case.ts";
import { fixedBytes, messageJson, NOW_MS, SERVER_ID, toHex, type VectorKey, vectorKey } from "./vector-file.ts";

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
    received: { frame: toHex(frame), frameJson: messageJson(frame, "sealwire.v1.CallResponse") },
    sequence: String(spec.sequence ?? 0),
    result: spec.result,
    ...(spec.lenient && { lenient: true }),
  };
}

/** `responses.json`, made anew. */
export function responseVectors(): ResponseVectors {
  const specs = [VALID, STREAM, BINDING, CONTRACT, FRAMES, BOUNDARIES, MORE].flat();
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

/** The number that the contract reserves for a field that no version has: a later one may send such. */
const NEW_FIELD = "c03e01";
const CONTRACT_BROKEN = "RESPONSE_UNVERIFIED";

const CONTRACT = [
  ...group("Contract", CONTRACT_BROKEN, [
    { comment: "another version", fields: { v: "mcp/0.2" } },
    { comment: "OK, but not ok", fields: { ok: false } },
    { comment: "ERROR, but ok", fields: { status: Status.ERROR } },
    { comment: "CANCELLED, but ok", fields: { status: Status.CANCELLED } },
    { comment: "no status", fields: { status: Status.UNSPECIFIED, ok: false } },
    { comment: "an unknown status", fields: { status: 7 as Status } },
  ]),
  ...group("Contract", "valid", [
    { comment: "an unknown field", ...append(NEW_FIELD) },
    { comment: "an unknown field in the job", ...append(`4a03${NEW_FIELD}`) },
    { comment: "an unknown field in the job's error", ...append(`4a054a03${NEW_FIELD}`) },
  ]),
  ...group("Contract", CONTRACT_BROKEN, [
    { comment: "a field twice", lenient: true, ...append("2001") },
    { comment: "a zero tag", ...append("00") },
    { comment: "text that is not UTF-8", ...append("4a030a01ff") },
    { comment: "a wrong wire type", lenient: true, ...append("5200") },
    { comment: "an empty response", bytes: hex("") },
  ]),
];

const FRAMES = group("Frame", "RESPONSE_UNVERIFIED", [
  { comment: "an empty frame", onTheWay: () => ({ frame: hex("") }) },
  { comment: "the last byte cut off", onTheWay: (sent) => ({ frame: writeFrame(sent).subarray(0, -1) }) },
  {
    comment: "an unknown field",
    lenient: true,
    onTheWay: (sent) => ({ frame: Buffer.concat([writeFrame(sent), hex("c23e00")]) }),
  },
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

const INSIDE = split(RESPONSE);
const FIELDS = ["v", "request_id", "ts_ms", "ok", "server_id", "status", "result"] as const;
const FAILED: Partial<Response> = { ...none, ok: false, status: Status.ERROR, error: REFUSED_ARGS };
const QUEUED: Partial<Response> = { ...none, status: Status.ACCEPTED, job: job(JobState.QUEUED) };
const DETAILED = ErrorMessage.fromPartial({
  ...REFUSED_ARGS,
  details: [
    { typeUrl: `${TYPE_URL_PREFIX}google.rpc.RequestInfo`, value: hex("0a03 722d31") },
    { typeUrl: "example.com/unknown.v1.Detail", value: hex("00ff") },
  ],
});
const DETAILS: Partial<Response> = { ...FAILED, error: DETAILED };
const WHOLE_TEXT = "e\u0301 \u{1f600} \0";

function withText(message: string): Partial<Response> {
  return { ...FAILED, error: { ...REFUSED_ARGS, message } };
}

const MORE = [
  ...group("Text", "valid", [
    { comment: "a message with NFD, an astral character and NUL", fields: withText(WHOLE_TEXT) },
    { comment: "a message in NFC", fields: withText("\u00e9") },
  ]),
  ...group("Stream", "valid", [
    { comment: "DONE as the third message", fields: { status: Status.DONE, sequence: 3n }, sequence: 3 },
    { comment: "ERROR as the first message", fields: { ...FAILED, sequence: 1n }, sequence: 1 },
    {
      comment: "CANCELLED as the second message",
      fields: { ...none, ok: false, status: Status.CANCELLED, job: job(JobState.CANCELLED), sequence: 2n },
      sequence: 2,
    },
  ]),
  ...group("Stream", "RESPONSE_UNVERIFIED", [
    {
      comment: "a message of the stream before the resume",
      fields: running(1n),
      sequence: 1,
      requestSignature: toHex(fixedBytes("before the resume", 32)),
    },
    {
      comment: "the sequence changed after signing",
      fields: running(1n),
      sequence: 2,
      onTheWay: () => ({ content: encode(running(2n)) }),
    },
    {
      comment: "the sequence taken out after signing",
      fields: running(1n),
      sequence: 1,
      onTheWay: () => ({ content: encode(running(0n)) }),
    },
  ]),
  ...group("Binding", "RESPONSE_UNVERIFIED", [
    ...Object.entries({
      v: { v: "mcp/0.2" },
      ok: { ok: false },
      status: { status: Status.DONE },
      "result.type_url": { result: { typeUrl: `${SUM}s`, value: BASE.result?.value ?? hex("") } },
      error: { error: REFUSED_ARGS },
      job: { job: job(JobState.QUEUED) },
    } satisfies Record<string, Partial<Response>>).map(([name, change]) => ({
      comment: `${name} changed after signing`,
      onTheWay: () => ({ content: encode(change) }),
    })),
    ...FIELDS.map((name, index) => ({
      comment: `${name} taken out after signing`,
      onTheWay: () => ({ content: Buffer.concat(INSIDE.toSpliced(index, 1)) }),
    })),
    {
      comment: "error.reason changed after signing",
      fields: FAILED,
      onTheWay: () => ({
        content: encode({ ...FAILED, error: { ...REFUSED_ARGS, reason: ErrorReason.TOOL_FORBIDDEN } }),
      }),
    },
    {
      comment: "a violation dropped after signing",
      fields: FAILED,
      onTheWay: () => ({ content: encode({ ...FAILED, error: { ...REFUSED_ARGS, violations: [] } }) }),
    },
    {
      comment: "job.state changed after signing",
      fields: QUEUED,
      onTheWay: () => ({ content: encode({ ...QUEUED, job: job(JobState.SUCCEEDED) }) }),
    },
    {
      comment: "a message in NFD received in NFC",
      fields: withText("e\u0301"),
      onTheWay: () => ({ content: encode(withText("\u00e9")) }),
    },
    {
      comment: "the fields in another order than they were signed in",
      onTheWay: () => ({ content: Buffer.concat(INSIDE.toReversed()) }),
    },
    { comment: "an unknown field added after signing", onTheWay: () => ({ content: append("c03e01").bytes }) },
    { comment: "the response emptied", onTheWay: () => ({ content: hex("") }) },
  ]),
  ...group("Contract", "RESPONSE_UNVERIFIED", [
    { comment: "ACCEPTED, but not ok", fields: { ...QUEUED, ok: false } },
    { comment: "RUNNING, but not ok", fields: { ...running(0n), ok: false } },
    { comment: "DONE, but not ok", fields: { status: Status.DONE, ok: false } },
    { comment: "no request id", fields: { requestId: "" } },
    { comment: "no server id", fields: { serverId: "" } },
  ]),
  ...group("Frame", "RESPONSE_UNVERIFIED", [
    {
      comment: "a signature extended by a copy of itself",
      onTheWay: ({ signature }) => ({ signature: Buffer.concat([signature, signature]) }),
    },
    {
      comment: "a signature truncated to 16 bytes",
      onTheWay: ({ signature }) => ({ signature: signature.subarray(0, 16) }),
    },
    { comment: "a signature as hex text", onTheWay: ({ signature }) => ({ signature: Buffer.from(toHex(signature)) }) },
  ]),
  ...group("SigningInput", "RESPONSE_UNVERIFIED", [
    { comment: "the parts without lengths", input: Buffer.concat([Buffer.from("response"), SIGNATURE, RESPONSE]) },
    {
      comment: "a byte moved from signature to response",
      input: pae("response", SIGNATURE.subarray(0, -1), Buffer.concat([SIGNATURE.subarray(-1), RESPONSE])),
    },
    {
      comment: "a byte moved from signature to label",
      input: pae(Buffer.concat([Buffer.from("response"), SIGNATURE.subarray(0, 1)]), SIGNATURE.subarray(1), RESPONSE),
    },
    { comment: "the request's signature in base64", input: pae("response", SIGNATURE.toString("base64"), RESPONSE) },
    { comment: "the key id as a part", input: pae("response", KEY.keyId, SIGNATURE, RESPONSE) },
    { comment: "a fourth, empty part", input: pae("response", SIGNATURE, RESPONSE, "") },
  ]),
  ...group("Contract", "valid", [
    { comment: "an unknown field twice", ...append("c03e01 c03e02") },
    { comment: "an unknown message, opaque", ...append("c23e02ff01") },
    { comment: "an unknown field of 64 bits", ...append("c13e0102030405060708") },
  ]),
  ...group("Contract", CONTRACT_BROKEN, [
    { comment: "an unknown group", lenient: true, ...append("c33ec43e") },
    { comment: "an unknown field that is cut off", ...append("c23e0501") },
    { comment: "request_id twice", lenient: true, ...append("120172") },
  ]),
  ...group("Valid", "valid", [
    { comment: "ERROR with details, one of them of an unknown type", fields: DETAILS },
    {
      comment: "a failed job's error with details",
      fields: { ...none, ok: false, status: Status.ERROR, job: job(JobState.FAILED, DETAILED) },
    },
  ]),
  ...group("Binding", "RESPONSE_UNVERIFIED", [
    {
      comment: "a detail dropped after signing",
      fields: DETAILS,
      onTheWay: () => ({
        content: encode({ ...DETAILS, error: { ...DETAILED, details: DETAILED.details.slice(1) } }),
      }),
    },
    {
      comment: "a detail's bytes changed after signing",
      fields: DETAILS,
      onTheWay: ({ content }) => ({ content: flip(content, content.length * 8 - 1) }),
    },
  ]),
];

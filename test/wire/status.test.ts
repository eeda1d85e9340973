import { Metadata } from "@grpc/grpc-js";
import { Status } from "../../gen/google/rpc/status.ts";
import { SealwireError } from "../../src/errors.ts";
import { MAX_STATUS_DETAILS_BYTES } from "../../src/wire/limits.ts";
import { readStatusDetails, toGrpcFailure } from "../../src/wire/status.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("wire/status");

const violations = Array.from({ length: 16 }, (_, i) => ({
  field: `numbers[${i}]`,
  ruleId: "double.finite",
  message: "must be finite",
}));

function detailTypes(metadata: Metadata): string[] {
  const [bytes] = metadata.get("grpc-status-details-bin");
  return Status.decode(bytes as Buffer).details.map(({ typeUrl }) => typeUrl.replace("type.googleapis.com/", ""));
}

test("the details tell the reason, the delay and the violations, and carry the frame", () => {
  const error = new SealwireError("ARGS_INVALID", "numbers: must be finite", { violations, retryDelayMs: 20 });
  const { code, metadata } = toGrpcFailure(error, { type: "sealwire.v1.CallResponse", bytes: Buffer.from("frame") });
  assert.is(code, 3);
  assert.equal(detailTypes(metadata), [
    "sealwire.v1.CallResponse",
    "google.rpc.ErrorInfo",
    "google.rpc.RetryInfo",
    "google.rpc.BadRequest",
  ]);
  const read = readStatusDetails(metadata);
  assert.is(read?.reason, "ARGS_INVALID");
  assert.is(Buffer.from(read?.frame ?? []).toString(), "frame");
});

test("where room is short the frame stays and its projections go", () => {
  const frame = { type: "sealwire.v1.CallResponse", bytes: Buffer.alloc(MAX_STATUS_DETAILS_BYTES - 200) };
  const { metadata } = toGrpcFailure(new SealwireError("ARGS_INVALID", "x", { violations }), frame);
  const [bytes] = metadata.get("grpc-status-details-bin");
  assert.ok((bytes as Buffer).length <= MAX_STATUS_DETAILS_BYTES);
  assert.equal(detailTypes(metadata), ["sealwire.v1.CallResponse", "google.rpc.ErrorInfo"]);
});

test("the details of the error come last, while there is room, and none passes for what a client reads", () => {
  const type = (name: string) => `type.googleapis.com/${name}`;
  const details = [
    { typeUrl: type("google.rpc.QuotaFailure"), value: new Uint8Array(200) },
    { typeUrl: type("sealwire.v1.CallResponse"), value: Buffer.from("forged") },
    { typeUrl: type("google.rpc.ErrorInfo"), value: Buffer.from("forged") },
    { typeUrl: "example.com/test.v1.Extra", value: new Uint8Array(3) },
  ];
  const error = new SealwireError("TOOL_FAILED", "x", { details });
  const { metadata } = toGrpcFailure(error);
  assert.equal(detailTypes(metadata), ["google.rpc.ErrorInfo", "google.rpc.QuotaFailure", "example.com/test.v1.Extra"]);
  assert.is(readStatusDetails(metadata)?.frame, undefined);
  const frame = { type: "sealwire.v1.CallResponse", bytes: Buffer.alloc(MAX_STATUS_DETAILS_BYTES - 220) };
  assert.equal(detailTypes(toGrpcFailure(error, frame).metadata), [
    "sealwire.v1.CallResponse",
    "google.rpc.ErrorInfo",
    "example.com/test.v1.Extra",
  ]);
});

test("details that cannot be read are none", () => {
  const metadata = new Metadata();
  assert.is(readStatusDetails(metadata), undefined);
  metadata.set("grpc-status-details-bin", Buffer.from([0xff, 0xff]));
  assert.is(readStatusDetails(metadata), undefined);
});

test.run();

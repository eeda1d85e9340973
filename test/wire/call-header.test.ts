import fc from "fast-check";
import { CallStreamRequest } from "../../gen/sealwire/v1/frame.ts";
import { SealwireError } from "../../src/errors.ts";
import { readStreamMessage, withCallHeader, writeCancelCall } from "../../src/wire/call-header.ts";
import { readFrame, SIGNATURE_BYTES, writeFrame } from "../../src/wire/frame.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("wire/call-header");

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const STATE = "vendor=some,other=more";
const NONE = { timeoutMs: undefined, traceparent: undefined, tracestate: undefined };
const frame = writeFrame({
  content: Buffer.from([0x0a, 1, 0x78]),
  keyId: "k_1",
  signature: Buffer.alloc(SIGNATURE_BYTES, 7),
});
const header = Buffer.from([0x22, 2, 0x08, 5]);

function refusal(bytes: Uint8Array): string {
  try {
    readStreamMessage(bytes);
  } catch (error) {
    assert.instance(error, SealwireError);
    assert.is((error as SealwireError).reason, "ENVELOPE_INVALID");
    return (error as SealwireError).message;
  }
  return "none";
}

test("a frame gets back the header that it was sent with, and is left as it was", () => {
  fc.assert(
    fc.property(
      fc.option(fc.integer({ min: 1, max: 86_400_000 }), { nil: undefined }),
      fc.constantFrom(undefined, TRACE),
      fc.option(fc.stringMatching(/^[ -~]{1,512}$/), { nil: undefined }),
      (timeoutMs, traceparent, tracestate) => {
        const message = readStreamMessage(withCallHeader(frame, { timeoutMs, traceparent, tracestate }));
        const kept = traceparent === undefined ? undefined : tracestate;
        assert.equal(message, { kind: "request", frame, header: { timeoutMs, traceparent, tracestate: kept } });
      },
    ),
    { numRuns: 200 },
  );
});

test("headers and cancellations are what the generated encoder writes", () => {
  for (const tracestate of [STATE, "s".repeat(60), "s".repeat(512)]) {
    const sent = withCallHeader(frame, { timeoutMs: 60_000, traceparent: TRACE, tracestate });
    const decoded = CallStreamRequest.decode(sent);
    assert.is(decoded.header?.timeoutMs, 60_000n);
    assert.equal([decoded.header?.traceparent, decoded.header?.tracestate], [TRACE, tracestate]);
    assert.ok(sent.equals(CallStreamRequest.encode(decoded).finish()));
  }
  for (const call of [1, 127, 128, 2 ** 31, 2 ** 40]) {
    const { cancel } = CallStreamRequest.decode(writeCancelCall(call));
    assert.is(cancel?.call, BigInt(call));
    assert.equal(readStreamMessage(writeCancelCall(call)), { kind: "cancel", call });
  }
});

test("a frame without a header is passed on as it is", () => {
  assert.is(withCallHeader(frame, NONE), frame);
  assert.equal(readStreamMessage(frame), { kind: "request", frame, header: NONE });
});

test("a header may stand anywhere between the fields of the frame", () => {
  const read = readStreamMessage(Buffer.concat([header, frame]));
  assert.equal(read, { kind: "request", frame, header: { ...NONE, timeoutMs: 5 } });
  const between = readStreamMessage(Buffer.concat([frame.subarray(0, 5), header, frame.subarray(5)]));
  assert.equal(between, { kind: "request", frame, header: { ...NONE, timeoutMs: 5 } });
});

test("what is wrong with a frame itself is left to whoever reads the frame", () => {
  for (const bytes of [Buffer.alloc(0), frame.subarray(0, 20), Buffer.concat([frame, Buffer.from([0x3a, 0])])]) {
    const message = readStreamMessage(bytes);
    assert.is(message.kind, "request");
    assert.throws(() => readFrame(message.kind === "request" ? message.frame : bytes), "could not be authenticated");
  }
});

/** A frame with a header as the generated encoder writes it. */
function withHeader(header: { timeoutMs: bigint; traceparent: string; tracestate: string }): Buffer {
  const sent = CallStreamRequest.encode({ ...CallStreamRequest.decode(Buffer.alloc(0)), header }).finish();
  return Buffer.concat([frame, sent]);
}

test("a time of 0 is none, and a trace context that is malformed is ignored", () => {
  const zero = Buffer.concat([frame, Buffer.from([0x22, 2, 0x08, 0])]);
  assert.equal(readStreamMessage(zero), { kind: "request", frame, header: NONE });
  for (const traceparent of ["nonsense", `${TRACE}-`, TRACE.toUpperCase(), ""]) {
    const read = readStreamMessage(withHeader({ timeoutMs: 7n, traceparent, tracestate: STATE }));
    assert.equal(read, { kind: "request", frame, header: { ...NONE, timeoutMs: 7 } });
  }
  for (const tracestate of ["", "s".repeat(513), "one\ntwo", "zero\0", "caf\u00e9"]) {
    const read = readStreamMessage(withHeader({ timeoutMs: 7n, traceparent: TRACE, tracestate }));
    assert.equal(read, { kind: "request", frame, header: { timeoutMs: 7, traceparent: TRACE, tracestate: undefined } });
  }
});

const MALFORMED: readonly [string, Buffer, string][] = [
  ["twice", Buffer.concat([header, frame, header]), "The field header of a message on the stream occurs twice"],
  [
    "with an unknown field",
    Buffer.concat([frame, Buffer.from([0x22, 2, 0x20, 1])]),
    "header of a message on the stream has the unknown field 4",
  ],
  [
    "that is cut off",
    Buffer.concat([frame, Buffer.from([0x22, 2, 0x12, 9])]),
    "header of a message on the stream is malformed",
  ],
  [
    "with a time above a day",
    Buffer.concat([frame, timeout(86_400_001n)]),
    "header.timeout_ms of a message on the stream is out of range; give 1 to 86400000",
  ],
  ["with a negative time", Buffer.concat([frame, timeout(-1n)]), "header.timeout_ms"],
];

for (const [what, bytes, problem] of MALFORMED) {
  test(`a header ${what} is refused by name`, () => assert.match(refusal(bytes), problem));
}

test("a cancellation beside anything else, or malformed, is refused by name", () => {
  const cancel = writeCancelCall(1);
  for (const bytes of [
    Buffer.concat([frame, cancel]),
    Buffer.concat([cancel, frame]),
    Buffer.concat([cancel, cancel]),
    Buffer.concat([header, cancel]),
  ]) {
    assert.match(refusal(bytes), "cancel of a message on the stream is not the only field");
  }
  assert.match(refusal(Buffer.from([0x2a, 4, 0x08, 1, 0x08, 2])), "names more than one call");
  assert.match(refusal(Buffer.from([0x2a, 2, 0x08, 0x80])), "cancel of a message on the stream is malformed");
  assert.match(refusal(Buffer.from([0x2a, 2, 0x10, 1])), "cancel of a message on the stream has the unknown field 2");
});

function timeout(timeoutMs: bigint): Uint8Array {
  return withHeader({ timeoutMs, traceparent: "", tracestate: "" }).subarray(frame.length);
}

test.run();

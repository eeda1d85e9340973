import fc from "fast-check";
import { Error as ErrorMessage, ErrorReason } from "../../gen/sealwire/v1/error.ts";
import { type ErrorDetail, SealwireError, WIRE_REASONS, type WireReason } from "../../src/errors.ts";
import { cutText, errorFromMessage, errorToMessage } from "../../src/wire/error-message.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("wire/error-message");

function detail(type: string, bytes: number): ErrorDetail {
  return { typeUrl: `type.googleapis.com/${type}`, value: new Uint8Array(bytes).fill(7) };
}

/** The details without differences between a Buffer and another Uint8Array. */
function plain(details: readonly ErrorDetail[]): unknown {
  return details.map(({ typeUrl, value }) => [typeUrl, ...value]);
}

test("the table of reasons and the contract's enum have the same names", () => {
  const inContract = Object.keys(ErrorReason).filter((name) => name !== "UNSPECIFIED" && name !== "UNRECOGNIZED");
  assert.equal(Object.keys(WIRE_REASONS).sort(), inContract.sort());
});

test("an error comes back from the wire as it was", () => {
  for (const reason of Object.keys(WIRE_REASONS) as WireReason[]) {
    const error = new SealwireError(reason, "what", {
      retryDelayMs: 1500,
      violations: [{ field: "numbers[0]", ruleId: "double.finite", message: "must be finite" }],
      violationsOmitted: 3,
      details: [detail("google.rpc.PreconditionFailure", 12), detail("test.v1.Empty", 0)],
    });
    const back = errorFromMessage(ErrorMessage.decode(ErrorMessage.encode(errorToMessage(error)).finish()));
    for (const field of ["reason", "message", "status", "retryable", "violationsOmitted", "retryDelayMs"] as const) {
      assert.is(back[field], error[field], `${reason}: ${field}`);
    }
    assert.equal(back.violations, error.violations);
    assert.equal(plain(back.details), plain(error.details));
  }
});

test("a reason that never travels is sent as INTERNAL", () => {
  assert.is(errorToMessage(new SealwireError("STORE_IN_USE")).reason, ErrorReason.INTERNAL);
});

test("what a handler makes up cannot keep its error from being written", () => {
  for (const value of [Number.NaN, Infinity, -1, 0.5, 1e300, 2 ** 53]) {
    const error = new SealwireError("TOOL_FAILED", "what", { retryDelayMs: value, violationsOmitted: value });
    const back = errorFromMessage(ErrorMessage.decode(ErrorMessage.encode(errorToMessage(error)).finish()));
    assert.is(back.reason, "TOOL_FAILED", String(value));
    assert.ok(back.retryDelayMs === undefined || back.retryDelayMs <= 31_536_000_000);
  }
});

test("what is no detail is left out, and what stands beside it is sent", () => {
  const odd = [
    undefined,
    null,
    "text",
    { value: new Uint8Array(1) },
    { typeUrl: "type.googleapis.com/a.B" },
    { typeUrl: "type.googleapis.com/a.B", value: "text" },
    { typeUrl: "type.googleapis.com/a.B", value: [1, 2] },
    { typeUrl: 7, value: new Uint8Array(1) },
    { typeUrl: "", value: new Uint8Array(1) },
    { typeUrl: "a.B", value: new Uint8Array(1) },
    { typeUrl: "type.googleapis.com/a.\ud800", value: new Uint8Array(1) },
    { typeUrl: "type.googleapis.com/a\u0000B", value: new Uint8Array(1) },
  ];
  const sent = (details: unknown) =>
    errorToMessage(new SealwireError("TOOL_FAILED", "what", { details: details as ErrorDetail[] })).details;
  assert.equal(plain(sent([...odd, detail("a.B", 1), ...odd])), plain([detail("a.B", 1)]));
  for (const each of [...odd, detail("a.B", 1), { length: 1 }, 7]) assert.equal(sent(each), []);
});

test("an error of a version without details has none", () => {
  const error = new SealwireError("TOOL_FAILED", "what");
  Object.assign(error, { details: undefined });
  assert.equal(errorToMessage(error).details, []);
});

test("details take at most 2 KiB, and are the first to go", () => {
  const details = Array.from({ length: 30 }, () => detail("a.B", 100));
  const alone = errorToMessage(new SealwireError("TOOL_FAILED", "what", { details }));
  assert.is(alone.details.length, 16);
  assert.equal(
    errorToMessage(new SealwireError("TOOL_FAILED", "what", { details: [detail("a.B", 2048)] })).details,
    [],
  );
  const violations = Array.from({ length: 16 }, (_, i) => ({ field: `f${i}`, ruleId: "r", message: "m".repeat(130) }));
  const beside = errorToMessage(new SealwireError("ARGS_INVALID", "what", { details, violations }));
  assert.is(beside.violations.length, 16);
  assert.ok(beside.details.length > 0 && beside.details.length < 16);
});

test("an error never takes more than 3 KiB, and counts what it leaves out", () => {
  const text = fc.string({ unit: "binary", maxLength: 2000 });
  const details = fc.array(
    fc.nat(700).map((bytes) => detail("a.B", bytes)),
    { maxLength: 8 },
  );
  const violations = fc.array(fc.record({ field: text, ruleId: text, message: text }), { maxLength: 40 });
  fc.assert(
    fc.property(text, violations, details, (message, listed, attached) => {
      const options = { violations: listed, details: attached };
      const written = errorToMessage(new SealwireError("ARGS_INVALID", message, options));
      assert.ok(ErrorMessage.encode(written).finish().length <= 3 * 1024);
      assert.is(written.violations.length + written.violationsOmitted, listed.length);
      assert.ok(written.violations.length <= 16);
      assert.equal(plain(written.details), plain(attached.slice(0, written.details.length)));
    }),
  );
});

test("a cut text is never longer than told and always well-formed", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 20 }), (text, length) => {
      const cut = cutText(`${text}\ud800`, length);
      assert.ok(cut.length <= length);
      assert.ok(cut.isWellFormed());
    }),
  );
});

test("a delay below zero, which no honest server tells, is none", () => {
  const message = errorToMessage(new SealwireError("RATE_LIMITED"));
  const told = { ...message, retryDelay: { seconds: -5n, nanos: -1 } };
  assert.is(errorFromMessage(told).retryDelayMs, 0);
});

test.run();

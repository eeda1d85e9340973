import fc from "fast-check";
import { Error as ErrorMessage, ErrorReason } from "../../gen/sealwire/v1/error.ts";
import { SealwireError, WIRE_REASONS, type WireReason } from "../../src/errors.ts";
import { cutText, errorFromMessage, errorToMessage } from "../../src/wire/error-message.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("wire/error-message");

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
    });
    const back = errorFromMessage(ErrorMessage.decode(ErrorMessage.encode(errorToMessage(error)).finish()));
    for (const field of ["reason", "message", "status", "retryable", "violationsOmitted", "retryDelayMs"] as const) {
      assert.is(back[field], error[field], `${reason}: ${field}`);
    }
    assert.equal(back.violations, error.violations);
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

test("an error never takes more than 3 KiB, and counts what it leaves out", () => {
  const text = fc.string({ unit: "binary", maxLength: 2000 });
  const violations = fc.array(fc.record({ field: text, ruleId: text, message: text }), { maxLength: 40 });
  fc.assert(
    fc.property(text, violations, (message, listed) => {
      const written = errorToMessage(new SealwireError("ARGS_INVALID", message, { violations: listed }));
      assert.ok(ErrorMessage.encode(written).finish().length <= 3 * 1024);
      assert.is(written.violations.length + written.violationsOmitted, listed.length);
      assert.ok(written.violations.length <= 16);
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

test.run();

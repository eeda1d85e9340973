import { ErrorReason } from "../../../gen/sealwire/v1/error.ts";
import type { Failure } from "../../../src/client/calls/outcome.ts";
import { hasNotBegun, Retries, tellsDelay } from "../../../src/client/calls/retry.ts";
import {
  type Reason,
  SealwireError,
  type SealwireErrorOptions,
  type StatusName,
  WIRE_REASONS,
} from "../../../src/errors.ts";
import type { Clock } from "../../../src/runtime/clock.ts";
import type { VerifiedResponse } from "../../../src/signing/response/verify.ts";
import { errorFromMessage } from "../../../src/wire/error-message.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("client/calls/retry");

const options = { maxAttempts: 4, initialDelayMs: 100, maxDelayMs: 1000, unreachableForMs: 10_000 };
/** What retries draw from, and their clock. */
const drawing = (fraction: number, clock: Clock = new FakeClock()) => ({
  clock,
  random: { bytes: () => new Uint8Array(), uuid: () => "", fraction: () => fraction },
});
const never = (): boolean => {
  throw new Error("the clock was touched");
};

const refusal = (reason: Reason, fields: SealwireErrorOptions = {}): Failure => ({
  kind: "refusal",
  response: { requestId: "r-1" } as VerifiedResponse,
  error: new SealwireError(reason, undefined, fields),
});

const unverified = (status: StatusName, forged = false, message = "x"): Failure => ({
  kind: "unverified",
  forged,
  error: new SealwireError("RESPONSE_UNVERIFIED", message, { status }),
});

const lost = { kind: "unverified", forged: false, error: new SealwireError("UNREACHABLE") } as const;
const unsent = { ...lost, unsent: true };
const away = { ...unsent, away: true };

const finalError = (failure: Failure): SealwireError => new Retries(options, drawing(0)).finalError(failure);

function delay(failure: Failure, fraction = 0.5): number | undefined {
  return new Retries(options, drawing(fraction)).delayAfter(failure, { correctClock: never });
}

test("waits double, are drawn from zero up, and stay below the maximum", () => {
  const retries = new Retries(options, drawing(0.5));
  const waits = Array.from({ length: 6 }, () => retries.delayAfter(unverified("UNAVAILABLE"), { correctClock: never }));
  assert.equal(waits, [50, 100, 200, 400, 500, 500]);
  assert.is(delay(unverified("UNAVAILABLE"), 0), 0);
  retries.reset();
  assert.is(retries.delayAfter(unverified("UNAVAILABLE"), { correctClock: never }), 50);
});

test("what lies at one server is asked of each other one without a wait, then waits begin", () => {
  for (const failure of [unsent, refusal("DRAINING", { retryDelayMs: 1000 })]) {
    const retries = new Retries(options, drawing(0.5));
    const waits = Array.from(
      { length: 4 },
      () => retries.delayAfter(failure, { correctClock: never, alternatives: 2 }) as number,
    );
    assert.equal(
      waits.map((wait) => wait > 0),
      [false, false, true, true],
    );
  }
  for (const failure of [refusal("RATE_LIMITED"), refusal("UNAVAILABLE"), unverified("INTERNAL")])
    assert.is(new Retries(options, drawing(0.5)).delayAfter(failure, { correctClock: never, alternatives: 2 }), 50);
  assert.is(
    new Retries(options, drawing(0.5)).delayAfter({ ...lost, forged: true }, { correctClock: never, alternatives: 2 }),
    undefined,
  );
});

test("attempts at a server that drains are not counted, within the time to wait for an unreachable one", () => {
  const clock = new FakeClock();
  const retries = new Retries(options, drawing(0.5, clock));
  const failure = refusal("DRAINING");
  for (let attempt = 0; attempt < 10; attempt += 1) retries.delayAfter(failure, { correctClock: never });
  assert.ok(retries.allows(failure));
  clock.advance(options.unreachableForMs);
  assert.is(retries.delayAfter(failure, { correctClock: never }), undefined);
  const refused = refusal("UNAVAILABLE");
  for (let attempt = 0; attempt < options.maxAttempts; attempt += 1)
    retries.delayAfter(refused, { correctClock: never });
  assert.not.ok(retries.allows(refused));
});

test("a server that was lost in mid-call is not followed by another at once", () => {
  for (const [fraction, expected] of [
    [0, [500, 1000, 2000, 2500, 2500]],
    [0.5, [750, 1500, 3000, 3750, 3750]],
  ] as const) {
    const retries = new Retries({ ...options, maxAttempts: 10, maxDelayMs: 5000 }, drawing(fraction));
    const waits = Array.from({ length: 5 }, () => retries.delayAfter(lost, { correctClock: never, alternatives: 2 }));
    assert.equal(waits, expected);
    retries.reset();
    assert.is(retries.delayAfter(lost, { correctClock: never, alternatives: 2 }), expected[0]);
  }
  const mixed = new Retries(options, drawing(0));
  assert.equal(
    [
      mixed.delayAfter(unsent, { correctClock: never, alternatives: 2 }),
      mixed.delayAfter(lost, { correctClock: never, alternatives: 2 }),
      mixed.delayAfter(lost, { correctClock: never, alternatives: 2 }),
    ],
    [0, 500, 500],
    "never longer than maxDelayMs",
  );
});

test("attempts are counted until something shows the server to be well", () => {
  const retries = new Retries(options, drawing(0));
  for (const left of [true, true, true, false]) {
    retries.delayAfter(unverified("UNAVAILABLE"), { correctClock: never });
    assert.is(retries.attemptsLeft, left);
  }
  retries.reset();
  assert.ok(retries.attemptsLeft);
});

test("a server that is away is waited for by time and not by attempts, while a call has time left", () => {
  const clock = new FakeClock();
  const retries = new Retries(options, drawing(0.5, clock));
  const wait = (remainingMs: number) => retries.delayAfter(away, { correctClock: never, remainingMs });
  assert.equal(
    [wait(100_000), wait(1000), wait(200), wait(50), wait(49)],
    [50, 100, 50, 12.5, undefined],
    "half of what is left at most",
  );
  assert.ok(retries.attemptsLeft);
  clock.advance(options.unreachableForMs - 100);
  assert.is(wait(100_000), 25, "nor of the time for which it is waited for");
  clock.advance(100);
  assert.is(wait(100_000), undefined);
  for (const change of [{ maxAttempts: 1 }, { maxAttempts: 1, unreachableForMs: 0 }]) {
    const once = new Retries({ ...options, ...change }, drawing(0.5));
    once.delayAfter(away, { correctClock: never });
    assert.not(once.attemptsLeft);
  }
});

test("the last word on a server that cannot be reached says whether the call may have run", () => {
  const told = (...failures: Failure[]): string => {
    const retries = new Retries(options, drawing(0));
    for (const failure of failures) retries.delayAfter(failure, { correctClock: never });
    return retries.finalError(failures.at(-1) as Failure).message;
  };
  assert.not.match(told(away, unsent, refusal("RATE_LIMITED"), away), "may have taken effect");
  // A server that drains also stops calls that run.
  const doubts = [
    lost,
    unverified("INTERNAL"),
    refusal("REPLAYED"),
    refusal("REQUEST_IN_PROGRESS"),
    refusal("DRAINING"),
  ];
  for (const doubt of doubts)
    assert.match(told(doubt, away), "\nCheck the address and that the server runs; repeat under the same request id");
});

test("an error tells whether the call has certainly not begun", () => {
  const ended = (...failures: readonly [...Failure[], Failure]): SealwireError => {
    const retries = new Retries(options, drawing(0));
    for (const failure of failures) retries.delayAfter(failure, { correctClock: never });
    return retries.finalError(failures.at(-1) as Failure);
  };
  for (const failure of [
    away,
    unsent,
    refusal("ARGS_INVALID"),
    refusal("TOOL_FORBIDDEN"),
    refusal("FRESHNESS_UNKNOWN"),
  ])
    assert.ok(hasNotBegun(ended(failure)));
  for (const failure of [
    lost,
    unverified("INTERNAL"),
    refusal("UNAVAILABLE"),
    refusal("DRAINING"),
    refusal("INTERNAL"),
  ])
    assert.not(hasNotBegun(ended(failure)));
  for (const last of [away, refusal("ARGS_INVALID")]) assert.not(hasNotBegun(ended(lost, last)));
  assert.ok(hasNotBegun(new Retries(options, drawing(0)).errorInTime(away, 10) as SealwireError));
});

test("of unsigned statuses only those that may pass are tried again", () => {
  const passing = ["UNAVAILABLE", "INTERNAL", "CANCELLED", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"] as const;
  for (const status of passing) assert.is(delay(unverified(status)), 50, status);
  const staying = ["UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "UNIMPLEMENTED", "INVALID_ARGUMENT"] as const;
  for (const status of staying) assert.is(delay(unverified(status)), undefined, status);
  for (const status of passing) assert.is(delay(unverified(status, true)), undefined, `forged ${status}`);
  assert.is(delay(unverified("RESOURCE_EXHAUSTED", false, "Received message larger than max (9 vs. 4)")), undefined);
});

test("a verified refusal is repeated exactly if it says that this may help", () => {
  for (const reason of Object.keys(WIRE_REASONS) as (keyof typeof WIRE_REASONS)[]) {
    if (reason === "CLOCK_SKEW" || reason === "REPLAYED") continue;
    assert.is(delay(refusal(reason)) !== undefined, WIRE_REASONS[reason].retryable, reason);
    assert.is(delay(refusal(reason, { retryable: false })), undefined, reason);
  }
});

test("a told delay is never undercut and spread a little", () => {
  const told = refusal("RATE_LIMITED", { retryDelayMs: 2000 });
  assert.is(delay(told, 0), 2000);
  assert.is((delay(told, 0.999) as number) > 2000, true);
  assert.is((delay(told, 0.999) as number) <= 3000, true);
  const retries = new Retries(options, drawing(0.999));
  const waits = Array.from({ length: 6 }, () => retries.delayAfter(told, { correctClock: never }) as number);
  assert.ok(
    waits.every((wait, index) => index === 0 || wait >= (waits[index - 1] as number)),
    "the more often it is told, the more",
  );
  assert.ok((waits.at(-1) as number) > 2900 && (waits.at(-1) as number) <= 3000);
  assert.is(retries.delayAfter(told, { correctClock: never, remainingMs: 2000 }), 2000, "never beyond what is left");
  assert.ok(tellsDelay(told));
  assert.not(tellsDelay(refusal("RATE_LIMITED")));
  assert.not(tellsDelay(unverified("UNAVAILABLE")));
});

test("CLOCK_SKEW is repeated at once if the clock could be set, and that is tried once", () => {
  const retries = new Retries(options, drawing(0.5));
  assert.is(retries.delayAfter(refusal("CLOCK_SKEW"), { correctClock: () => true }), 0);
  assert.is(retries.delayAfter(refusal("CLOCK_SKEW"), { correctClock: never }), undefined);
  retries.reset();
  assert.is(retries.delayAfter(refusal("CLOCK_SKEW"), { correctClock: () => false }), undefined);
});

test("REPLAYED is followed up, and its end is an unknown outcome", () => {
  assert.is(delay(refusal("REPLAYED")), 50);
  const error = finalError(refusal("REPLAYED"));
  assert.is(error.reason, "OUTCOME_UNKNOWN");
  assert.match(error.message, /r-1/);
  assert.is(finalError(refusal("RATE_LIMITED")).reason, "RATE_LIMITED");
  assert.is(finalError(unverified("INTERNAL")).reason, "RESPONSE_UNVERIFIED");
  assert.ok(ErrorReason.REPLAYED > 0);
});

test("a server that cannot tell whether a frame is new is asked again with a fresh one after the told delay", () => {
  const failure = refusal("FRESHNESS_UNKNOWN", { retryDelayMs: 5_000 });
  assert.is(delay(failure, 0), 5_000);
  assert.ok(tellsDelay(failure), "as often as the deadline allows");
  assert.is(finalError(failure).reason, "FRESHNESS_UNKNOWN");
});

test("a reason that this client does not know is retried as the error says", () => {
  const error = errorFromMessage({
    code: 14,
    reason: 9_999 as ErrorReason,
    message: "of a newer server",
    retryable: true,
    violations: [],
    violationsOmitted: 0,
    retryDelay: { seconds: 2n, nanos: 0 },
    details: [],
  });
  assert.equal([error.reason, error.status, error.retryable], ["INTERNAL", "UNAVAILABLE", true]);
  assert.is(delay({ kind: "refusal", response: { requestId: "r-1" } as VerifiedResponse, error }, 0), 2_000);
});

test.run();

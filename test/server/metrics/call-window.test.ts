import { CallWindow } from "../../../src/server/metrics/call-window.ts";
import type { CallRecord } from "../../../src/server/request/access-log.ts";
import { CALL_METHOD, WATCH_JOB_METHOD } from "../../../src/wire/limits.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("server/metrics/call-window");

/** A call that ends now after `durationMs`. */
function end(window: CallWindow, clock: FakeClock, durationMs: number, change: Partial<CallRecord> = {}): void {
  const record = { method: CALL_METHOD, peer: "", tool: "batch_sum", reason: "", ...change };
  window.callEnded({ ...record, startedAtMs: clock.monotonicMs() - durationMs } as CallRecord, 0, durationMs);
}

/** True if a value is within a tenth of another. */
function isNear(value: number, expected: number): boolean {
  return Math.abs(value - expected) <= expected / 10;
}

test("calls are counted in the period in which they end, and the current period is not shown", () => {
  const clock = new FakeClock();
  const startMs = clock.nowMs();
  const window = new CallWindow(clock);
  end(window, clock, 2);
  assert.equal(window.read().periods, []);
  clock.advance(10_000);
  end(window, clock, 2);
  end(window, clock, 2, { reason: "REPLAYED" });
  clock.advance(20_000);
  const { calls, failures, periods, recentFailures } = window.read();
  assert.is(calls, 3);
  assert.equal([...failures], [["REPLAYED", 1]]);
  assert.equal([...recentFailures], [["REPLAYED", 1]]);
  assert.equal(
    periods.map((period) => [period.startMs - startMs, period.calls, period.failures]),
    [
      [0, 1, 0],
      [10_000, 2, 1],
      [20_000, 0, 0],
    ],
  );
});

test("after 15 minutes a call is no longer among the recent ones, and counts in the total", () => {
  const clock = new FakeClock();
  const window = new CallWindow(clock);
  end(window, clock, 2, { reason: "REPLAYED" });
  clock.advance(900_000);
  assert.is(window.read().periods.length, 90);
  assert.is(window.read().periods[0]?.calls, 1);
  clock.advance(10_000);
  // The slot of the first period is used again.
  end(window, clock, 2);
  const { calls, failures, periods, recentFailures } = window.read();
  assert.is(periods.length, 90);
  assert.is(
    periods.reduce((sum, period) => sum + period.calls, 0),
    0,
  );
  assert.equal([calls, failures.get("REPLAYED"), recentFailures.size], [2, 1, 0]);
});

test("times are known within a tenth, from a fraction of a millisecond to a minute", () => {
  for (const scale of [0.1, 1, 37, 600]) {
    const clock = new FakeClock();
    const window = new CallWindow(clock);
    for (let call = 1; call <= 100; call += 1) end(window, clock, call * scale);
    clock.advance(10_000);
    const { p50Ms, p99Ms, periods } = window.read();
    assert.ok(isNear(p50Ms, 50 * scale), `${p50Ms} for ${50 * scale}`);
    assert.ok(isNear(p99Ms, 99 * scale), `${p99Ms} for ${99 * scale}`);
    assert.equal([periods[0]?.p50Ms, periods[0]?.p99Ms], [p50Ms, p99Ms]);
  }
});

test("what waits by its nature has no time: watches and polls", () => {
  const clock = new FakeClock();
  const window = new CallWindow(clock);
  end(window, clock, 40_000, { method: WATCH_JOB_METHOD, tool: "watch_job" });
  end(window, clock, 40_000, { tool: "poll_job" });
  clock.advance(10_000);
  const { calls, p50Ms, p99Ms } = window.read();
  assert.equal([calls, p50Ms, p99Ms], [2, 0, 0]);
});

test.run();

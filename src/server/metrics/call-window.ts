import type { CallPeriod, CallStats, CallStatsSource } from "../../operator/call-stats.ts";
import type { Clock } from "../../runtime/clock.ts";
import { WATCH_JOB_METHOD } from "../../wire/limits.ts";
import type { CallObserver, CallRecord } from "../request/access-log.ts";
import { LatencyHistogram } from "./latency-histogram.ts";

const PERIOD_MS = 10_000;
/** Number of complete periods: 15 minutes. */
const PERIODS = 90;

/** Counts of the calls of one period. It is used again for a later period. */
class Period {
  /** Number of the period since the start of the monotonic clock. */
  number = -1;
  calls = 0;
  failures = 0;
  readonly reasons = new Map<string, number>();
  readonly latencies = new LatencyHistogram();

  begin(number: number): void {
    this.number = number;
    this.calls = 0;
    this.failures = 0;
    this.reasons.clear();
    this.latencies.clear();
  }
}

/** Counts the calls of this process: since its start, and in periods of the latest 15 minutes. */
export class CallWindow implements CallObserver, CallStatsSource {
  readonly #clock: Clock;
  readonly #firstNumber: number;
  /** The complete periods and the current one, by their number modulo the length. */
  readonly #periods = Array.from({ length: PERIODS + 1 }, () => new Period());
  readonly #failures = new Map<string, number>();
  #calls = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#firstNumber = numberOf(clock.monotonicMs());
  }

  callStarted(): void {}

  callEnded({ startedAtMs, method, tool, reason }: CallRecord, _code: number, durationMs: number): void {
    const period = this.#periodOf(numberOf(startedAtMs + durationMs));
    this.#calls += 1;
    period.calls += 1;
    if (reason !== "") {
      period.failures += 1;
      count(period.reasons, reason, 1);
      count(this.#failures, reason, 1);
    }
    if (method !== WATCH_JOB_METHOD && tool !== "poll_job") period.latencies.add(durationMs);
  }

  read(): CallStats {
    const monotonicMs = this.#clock.monotonicMs();
    const startMs = this.#clock.nowMs() - monotonicMs;
    const current = numberOf(monotonicMs);
    const all = new LatencyHistogram();
    const recentFailures = new Map<string, number>();
    const periods: CallPeriod[] = [];
    for (let number = Math.max(current - PERIODS, this.#firstNumber); number < current; number += 1) {
      const period = this.#periods[number % this.#periods.length] as Period;
      const known = period.number === number ? period : NO_CALLS;
      all.merge(known.latencies);
      for (const [reason, failures] of known.reasons) count(recentFailures, reason, failures);
      periods.push({
        startMs: Math.round(startMs + number * PERIOD_MS),
        calls: known.calls,
        failures: known.failures,
        p50Ms: known.latencies.quantile(0.5),
        p99Ms: known.latencies.quantile(0.99),
      });
    }
    const quantiles = { p50Ms: all.quantile(0.5), p99Ms: all.quantile(0.99) };
    return { calls: this.#calls, failures: new Map(this.#failures), periods, recentFailures, ...quantiles };
  }

  #periodOf(number: number): Period {
    const period = this.#periods[number % this.#periods.length] as Period;
    if (period.number !== number) period.begin(number);
    return period;
  }
}

const NO_CALLS = new Period();

function numberOf(monotonicMs: number): number {
  return Math.floor(monotonicMs / PERIOD_MS);
}

function count(counts: Map<string, number>, reason: string, more: number): void {
  counts.set(reason, (counts.get(reason) ?? 0) + more);
}

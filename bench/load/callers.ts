import { quantile } from "../report/statistics.ts";
import type { Interval, Sample } from "./load.ts";

/** Options of {@link runCallers}. */
export interface CallersOptions<Request> extends Interval {
  /** Returns the next request; `undefined` if none is left. */
  readonly next: () => Request | undefined;
  /**
   * Sends a request. Resolves when the expected answer is received; resolves to a number to report another latency in
   * milliseconds.
   */
  readonly send: (request: Request) => Promise<unknown>;
}

const ANSWER_LIMIT_MS = 20_000;

/** Runs concurrent callers, each with one call at a time, and measures every call. */
export async function runCallers<Request>(options: CallersOptions<Request>): Promise<Sample> {
  const { callers, durationMs, next, send } = options;
  const latencies: number[] = [];
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  const endMs = startMs + durationMs;
  const caller = async (): Promise<void> => {
    // A process that had no turn for the whole duration makes one call.
    let sentMs = performance.now();
    do {
      const request = next();
      if (request === undefined) return;
      const tookMs = await send(request);
      const answeredMs = performance.now();
      latencies.push(typeof tookMs === "number" ? tookMs : answeredMs - sentMs);
      sentMs = answeredMs;
    } while (sentMs < endMs);
  };
  const overdue = Promise.withResolvers<never>();
  const timer = setTimeout(() => overdue.reject(new Error("a call was never answered")), durationMs + ANSWER_LIMIT_MS);
  await Promise.race([Promise.all(Array.from({ length: callers }, caller)), overdue.promise]);
  clearTimeout(timer);
  const elapsedMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  if (latencies.length === 0) throw new Error("no call was made; prepare requests first");
  latencies.sort((a, b) => a - b);
  return {
    calls: latencies.length,
    elapsedMs,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    maxMs: quantile(latencies, 1),
    loadCpuUs: user + system,
  };
}

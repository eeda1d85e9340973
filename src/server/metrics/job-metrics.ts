import type { Registry } from "prom-client";
import type { AttemptEndKind, JobObserver } from "../../jobs/worker/job-observer.ts";

/** Upper bounds of the buckets of waiting times and of attempts, in seconds. */
const JOB_BUCKETS_S = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14_400];
/** The values of the label `outcome`. */
const OUTCOMES: Readonly<Record<AttemptEndKind, string>> = {
  succeeded: "succeeded",
  failed: "failed",
  cancelled: "cancelled",
  handedBack: "handed_back",
  lost: "lost",
};

/** Counts the attempts that the process runs, by the tools that it serves. */
export function jobMetrics(
  { Counter, Histogram }: Pick<typeof import("prom-client"), "Counter" | "Histogram">,
  registers: Registry[],
): JobObserver {
  const ended = new Counter({
    name: "sealwire_job_attempts_total",
    help: "Attempts of jobs in this process that have ended, by outcome; lost: another process has the job.",
    labelNames: ["tool", "outcome"],
    registers,
  });
  const running = new Histogram({
    name: "sealwire_job_attempt_seconds",
    help: "Time of attempts of jobs in this process.",
    labelNames: ["tool"],
    buckets: JOB_BUCKETS_S,
    registers,
  });
  const waiting = new Histogram({
    name: "sealwire_job_queue_wait_seconds",
    help: "Time from when a job was due until this process began its attempt.",
    labelNames: ["tool"],
    buckets: JOB_BUCKETS_S,
    registers,
  });
  return {
    attemptStarted(tool, waitMs) {
      for (const outcome of Object.values(OUTCOMES)) ended.inc({ tool, outcome }, 0);
      waiting.observe({ tool }, waitMs / 1000);
    },
    attemptEnded(tool, end, durationMs) {
      ended.inc({ tool, outcome: OUTCOMES[end] });
      running.observe({ tool }, durationMs / 1000);
    },
  };
}

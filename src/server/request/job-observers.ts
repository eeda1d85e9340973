import type { JobObserver } from "../../jobs/worker/job-observer.ts";

/** One observer of jobs that tells several. */
export function jobObserverOf(observers: readonly JobObserver[]): JobObserver {
  return {
    attemptStarted(...started) {
      for (const observer of observers) observer.attemptStarted?.(...started);
    },
    attemptEnded(...ended) {
      for (const observer of observers) observer.attemptEnded?.(...ended);
    },
  };
}

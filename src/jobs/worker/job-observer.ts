/** How an attempt ended; "lost": it no longer held its job, so that its outcome was discarded. */
export type AttemptEndKind = "succeeded" | "failed" | "cancelled" | "handedBack" | "lost";

/** Observes the attempts of the jobs that a process runs. */
export interface JobObserver {
  /** An attempt begins, `waitMs` after its job was due. */
  attemptStarted?(tool: string, waitMs: number): void;
  /** An attempt has ended, `durationMs` after its begin. */
  attemptEnded?(tool: string, end: AttemptEndKind, durationMs: number): void;
}

/**
 * Thrown by a job's handler that returns the job to the queue without a failure: its tool was not reached, or the
 * process that runs the tool is shutting down. If the tool was not reached, the job's queue time-out goes on. Otherwise
 * every 11th hand-back of the job is a failed attempt after all.
 */
export class HandBackError extends Error {
  override readonly name = "HandBackError";
  /** False if the tool was certainly not reached. */
  readonly began: boolean;
  /** Time until the job may be claimed again, in milliseconds. At most the policy's `maxBackoffMs` is used. */
  readonly delayMs: number;

  constructor(message: string, { began, delayMs }: { readonly began: boolean; readonly delayMs: number }) {
    super(message);
    this.began = began;
    this.delayMs = delayMs;
  }
}

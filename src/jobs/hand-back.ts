/**
 * Thrown by a job's handler that returns the job to the queue without a failure: its tool was not reached, or the
 * process that runs the tool is shutting down.
 */
export class HandBackError extends Error {
  override readonly name = "HandBackError";
  /** False if the tool was certainly not reached. */
  readonly began: boolean;
  /** Time until the job may be claimed again, in milliseconds. */
  readonly delayMs: number;

  constructor(message: string, { began, delayMs }: { readonly began: boolean; readonly delayMs: number }) {
    super(message);
    this.began = began;
    this.delayMs = delayMs;
  }
}

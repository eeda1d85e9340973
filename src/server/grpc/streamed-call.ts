import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type CallOutcome, type Execution, type ExecutionOptions, execute } from "../request/execution.ts";
import type { SignedRequest } from "../request/request.ts";

/** One call of a stream, from its frame until its answer has been written. It can be stopped at any time. */
export class StreamedCall {
  readonly request: SignedRequest;
  /** Number of the request on its stream, from 1. */
  readonly number: number;
  #execution: Execution | undefined;
  #stopped: SealwireError | undefined;
  #timer: Disposable | undefined;

  constructor(request: SignedRequest, number: number) {
    this.request = request;
    this.number = number;
  }

  /** Stops the call after `timeoutMs`, unless {@link endTime} is called first. `guard` runs the timer's callback. */
  allow(timeoutMs: number, clock: Clock, guard: (body: () => void) => void): void {
    const reason = (): SealwireError =>
      new SealwireError("DEADLINE_EXCEEDED", `The call took longer than the ${timeoutMs} ms that its caller allows.`);
    this.request.deadlineMs = clock.nowMs() + timeoutMs;
    this.#timer = clock.after(timeoutMs, () => guard(() => this.stop(reason())));
  }

  /** Runs the tool of the accepted request and calls `done` once. Throws the reason if the call was already stopped. */
  execute(options: ExecutionOptions, done: (outcome: CallOutcome) => void): void {
    if (this.#stopped !== undefined) throw this.#stopped;
    this.#execution = execute(options, this.request, done);
  }

  /** Aborts the signal of the tool and answers the call with `reason`, at the earliest when the request is accepted. */
  stop(reason: SealwireError): void {
    if (this.#execution === undefined) this.#stopped ??= reason;
    else this.#execution.stop(reason);
  }

  /** Cancels the caller's time limit. */
  endTime(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  /** The caller cancelled the stream or disconnected. */
  cancel(): void {
    this.endTime();
    this.#execution?.cancel();
  }
}

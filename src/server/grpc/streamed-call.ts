import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type CallOutcome, type Execution, type ExecutionOptions, execute } from "../request/execution.ts";
import type { SignedRequest } from "../request/request.ts";

/** One call of a stream, from when its frame is read until its answer has left. It can be stopped at any time. */
export class StreamedCall {
  readonly request: SignedRequest;
  /** Which request of the stream it is, from 1. */
  readonly number: number;
  #execution: Execution | undefined;
  #stopped: SealwireError | undefined;
  #timer: Disposable | undefined;

  constructor(request: SignedRequest, number: number) {
    this.request = request;
    this.number = number;
  }

  /** Stops the call after the time that its caller allows, unless {@link endTime} comes first. `guard` runs what the timer calls. */
  allow(timeoutMs: number, clock: Clock, guard: (body: () => void) => void): void {
    const reason = (): SealwireError =>
      new SealwireError("DEADLINE_EXCEEDED", `The call took longer than the ${timeoutMs} ms that its caller allows.`);
    this.#timer = clock.after(timeoutMs, () => guard(() => this.stop(reason())));
  }

  /** Runs the tool of the accepted request. `done` is called once with what became of it. Throws the reason if the call was stopped before. */
  execute(options: ExecutionOptions, done: (outcome: CallOutcome) => void): void {
    if (this.#stopped !== undefined) throw this.#stopped;
    this.#execution = execute(options, this.request, done);
  }

  /** Answers the call with `reason`, once it is accepted; the signal of its tool aborts. */
  stop(reason: SealwireError): void {
    if (this.#execution === undefined) this.#stopped ??= reason;
    else this.#execution.stop(reason);
  }

  /** The time of the call does not run any more. */
  endTime(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  /** Nobody is there any more to be answered. */
  cancel(): void {
    this.endTime();
    this.#execution?.cancel();
  }
}

import { SealwireError } from "../../errors.ts";
import type { Place } from "../../runtime/linked-list.ts";
import type { Expiring, RunningTime, TimeLimit } from "../../runtime/time-limit.ts";
import type { Dispatcher } from "../../tools/dispatcher.ts";
import type { CallInvocation } from "../../tools/invocation.ts";
import type { Drain, Stoppable } from "./drain.ts";
import type { SignedRequest } from "./request.ts";

/** Options of {@link execute}. */
export interface ExecutionOptions {
  readonly dispatcher: Dispatcher;
  readonly drain: Drain;
  /** Maximum time of a call. */
  readonly timeLimit: TimeLimit;
  /** Maximum time that a handler may still run after its call was stopped. After that the call is given up. */
  readonly grace: TimeLimit;
}

/** The outcome of a call: the signed answer, or the error that refuses it. */
export type CallOutcome = Buffer | SealwireError;

/** Runs the tool of an accepted request. `done` is called once with the outcome. */
export function execute(
  options: ExecutionOptions,
  request: SignedRequest,
  done: (outcome: CallOutcome) => void,
): Execution {
  const execution = new Execution(options, request, done);
  execution.start();
  return execution;
}

/**
 * One call while its tool runs. If the call is stopped first, its outcome is the reason. The handler then continues in
 * the background with its signal aborted, and the call counts against its key's limits until the handler returns.
 * Objects that handlers rarely use, such as the signal, are created on demand.
 */
export class Execution implements CallInvocation, Stoppable, Expiring {
  readonly request: SignedRequest;
  readonly #options: ExecutionOptions;
  readonly #done: (outcome: CallOutcome) => void;
  readonly #place: Place<Stoppable>;
  readonly #time: RunningTime;
  handlerRuns = false;
  intentRuns = false;
  intentDigest: Uint8Array | undefined;
  isOverdue = false;
  #settled = false;
  /** True once the dispatcher has finished with the call. Its handler may still run. */
  #dispatched = false;
  #stopped: SealwireError | undefined;
  #controller: AbortController | undefined;
  /** Runs from the stop until the handler returns. */
  #grace: RunningTime | undefined;

  constructor(options: ExecutionOptions, request: SignedRequest, done: (outcome: CallOutcome) => void) {
    this.request = request;
    this.#options = options;
    this.#done = done;
    this.#time = options.timeLimit.begin(this);
    this.#place = options.drain.enter(this);
  }

  /** Starts the tool. Called once. */
  start(): void {
    void this.#dispatch();
  }

  stop(reason: SealwireError): void {
    if (this.#settled) return;
    this.abort(reason);
    this.#beginGrace();
    this.#settle(reason);
  }

  handlerReturned(): void {
    this.handlerRuns = false;
    this.#options.dispatcher.returned(this);
    if (this.#dispatched) this.#end();
  }

  abort(reason: SealwireError): void {
    this.#stopped ??= reason;
    this.#controller?.abort(reason);
  }

  /** The caller cancelled the call or disconnected. grpc-js calls this after every call, even if it has ended. */
  cancel(): void {
    if (!this.#settled) this.stop(new SealwireError("CANCELLED", "The caller cancelled the call or disconnected."));
  }

  expire(): void {
    const { limitMs } = this.#options.timeLimit;
    this.stop(
      new SealwireError(
        "DEADLINE_EXCEEDED",
        `The call took longer than the ${limitMs} ms that a call may take; make the tool a job.`,
      ),
    );
  }

  get stopped(): SealwireError | undefined {
    return this.#stopped;
  }

  get deadlineMs(): number {
    return Math.min(this.#options.timeLimit.endMs(this.#time), this.request.deadlineMs);
  }

  get drainSignal(): AbortSignal {
    return this.#options.drain.signal;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#stopped !== undefined) this.#controller.abort(this.#stopped);
    }
    return this.#controller.signal;
  }

  async #dispatch(): Promise<void> {
    const { dispatcher, drain } = this.#options;
    this.request.runBegan();
    try {
      drain.throwIfDraining();
      const answer = await dispatcher.call(this);
      if (!this.#settled) this.#settle(this.request.sign(answer, 0));
    } catch (thrown) {
      if (!(thrown instanceof SealwireError)) this.request.logger.error({ err: thrown }, "call failed unexpectedly");
      this.#settle(SealwireError.from(thrown));
    } finally {
      this.#dispatched = true;
      // The call has failed with an error that escaped its handler, which still runs.
      if (this.handlerRuns) this.#beginGrace();
      else this.#end();
    }
  }

  /** The call has its outcome, but its handler may still run. */
  #beginGrace(): void {
    const { grace, dispatcher } = this.#options;
    this.#grace ??= grace.begin({ expire: () => dispatcher.giveUp(this) });
  }

  /** The call has its outcome, and its handler has returned. */
  #end(): void {
    if (this.#grace !== undefined) this.#options.grace.end(this.#grace);
    this.request.runEnded();
  }

  #settle(outcome: CallOutcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#options.timeLimit.end(this.#time);
    this.#options.drain.leave(this.#place);
    this.#done(outcome);
  }
}

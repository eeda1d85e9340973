import { SealwireError } from "../../errors.ts";
import type { Place } from "../../runtime/linked-list.ts";
import type { Expiring, RunningTime, TimeLimit } from "../../runtime/time-limit.ts";
import type { Dispatcher } from "../../tools/dispatcher.ts";
import type { CallInvocation } from "../../tools/invocation.ts";
import type { Drain, Stoppable } from "./drain.ts";
import type { SignedRequest } from "./request.ts";

/** What {@link execute} uses. */
export interface ExecutionOptions {
  readonly dispatcher: Dispatcher;
  readonly drain: Drain;
  /** Longest that a call may take. */
  readonly timeLimit: TimeLimit;
  /** Longest that a tool may run on after its call was stopped, before the call is given up. */
  readonly grace: TimeLimit;
}

/** What became of a call: the signed answer, or why it is refused. */
export type CallOutcome = Buffer | SealwireError;

/** Runs the tool of an accepted request. `done` is called once with what became of it. */
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
 * One call while its tool runs. If it is stopped first, its outcome is the reason, and the tool goes on in the
 * background with its signal aborted; the call keeps its place among those of its key until the tool returns. What a
 * tool seldom asks for is made when it does.
 */
export class Execution implements CallInvocation, Stoppable, Expiring {
  readonly request: SignedRequest;
  readonly #options: ExecutionOptions;
  readonly #done: (outcome: CallOutcome) => void;
  readonly #place: Place<Stoppable>;
  readonly #time: RunningTime;
  handlerRuns = false;
  intentRuns = false;
  isOverdue = false;
  #settled = false;
  /** True once the dispatcher is done with the call; its handler may still run. */
  #dispatched = false;
  #stopped: SealwireError | undefined;
  #controller: AbortController | undefined;
  /** Runs from the stop until the tool returns. */
  #grace: RunningTime | undefined;

  constructor(options: ExecutionOptions, request: SignedRequest, done: (outcome: CallOutcome) => void) {
    this.request = request;
    this.#options = options;
    this.#done = done;
    this.#time = options.timeLimit.begin(this);
    this.#place = options.drain.enter(this);
  }

  /** Begins to run the tool; called once. */
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

  /** The caller went away. grpc-js says so after every call, so that what it takes is made only if it is needed. */
  cancel(): void {
    if (!this.#settled) this.stop(new SealwireError("CANCELLED", "The caller went away."));
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
      // It has failed by an error that its handler left behind, and the handler goes on.
      if (this.handlerRuns) this.#beginGrace();
      else this.#end();
    }
  }

  /** The call has its outcome, and what works for it may go on. */
  #beginGrace(): void {
    const { grace, dispatcher } = this.#options;
    this.#grace ??= grace.begin({ expire: () => dispatcher.giveUp(this) });
  }

  /** Nothing works for the call any more. */
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

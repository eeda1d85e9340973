import { SealwireError } from "../../errors.ts";
import type { Place } from "../../runtime/linked-list.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Expiring, RunningTime, TimeLimit } from "../../runtime/time-limit.ts";
import type { VerificationKey } from "../../signing/key-ring/types.ts";
import type { Dispatcher } from "../../tools/dispatcher.ts";
import type { CallInvocation, VerifiedEnvelope } from "../../tools/invocation.ts";
import type { Drain, Stoppable } from "./drain.ts";
import type { VerifiedCall } from "./verified-call.ts";

/** What calls are run with. */
export interface CallRunnerOptions {
  readonly dispatcher: Dispatcher;
  readonly drain: Drain;
  /** Longest that a call may take. */
  readonly timeLimit: TimeLimit;
  /** Longest that a tool may run on after its call was stopped, before the call is given up. */
  readonly grace: TimeLimit;
}

/** What became of a call: the signed answer, or why it is refused. */
export type CallOutcome = Buffer | SealwireError;

/** Runs the tools of verified calls, however they came in. */
export class CallRunner {
  readonly #options: CallRunnerOptions;

  constructor(options: CallRunnerOptions) {
    this.#options = options;
  }

  /** Runs a call. `done` is called once with what became of it. */
  run(call: VerifiedCall, done: (outcome: CallOutcome) => void): RunningCall {
    const running = new RunningCall(this.#options, call, done);
    running.start();
    return running;
  }
}

/**
 * One call while its tool runs. If it is stopped first, its outcome is the reason, and the tool goes on in the
 * background with its signal aborted; the call keeps its place among those of its key until the tool returns. What a
 * tool seldom asks for is made when it does.
 */
export class RunningCall implements CallInvocation, Stoppable, Expiring {
  readonly #options: CallRunnerOptions;
  readonly #call: VerifiedCall;
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

  constructor(options: CallRunnerOptions, call: VerifiedCall, done: (outcome: CallOutcome) => void) {
    this.#options = options;
    this.#call = call;
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

  get envelope(): VerifiedEnvelope {
    return this.#call.envelope;
  }

  get key(): VerificationKey {
    return this.#call.key;
  }

  get traceparent(): string | undefined {
    return this.#call.traceparent;
  }

  get logger(): Logger {
    return this.#call.logger;
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

  openWatch(): Disposable {
    return this.#call.wait();
  }

  async #dispatch(): Promise<void> {
    const { dispatcher, drain } = this.#options;
    this.#call.runBegan();
    try {
      drain.throwIfDraining();
      const answer = await dispatcher.call(this);
      if (!this.#settled) this.#settle(this.#call.sign(answer, 0));
    } catch (thrown) {
      if (!(thrown instanceof SealwireError)) this.logger.error({ err: thrown }, "call failed unexpectedly");
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
    this.#call.runEnded();
  }

  #settle(outcome: CallOutcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#options.timeLimit.end(this.#time);
    this.#options.drain.leave(this.#place);
    this.#done(outcome);
  }
}

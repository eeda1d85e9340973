/* The file is long because every way to run a tool shares the checks, the toolset and the store. */

import { Any } from "../../gen/google/protobuf/any.ts";
import { Status } from "../../gen/sealwire/v1/response.ts";
import type { AuditTrail } from "../audit/event.ts";
import { SealwireError } from "../errors.ts";
import type { JobHandler, JobRun } from "../jobs/engine.ts";
import { HandBackError } from "../jobs/hand-back.ts";
import type { JobPolicy } from "../jobs/job.ts";
import type { Logger } from "../runtime/logger.ts";
import { TickLimiter } from "../runtime/tick-limiter.ts";
import type { Store } from "../store/store.ts";
import type { OpenSpan } from "../tracing/open-span.ts";
import type { Tracing } from "../tracing/tracing.ts";
import type { ArgsValidator } from "../validation/args.ts";
import { argsMisfit } from "../validation/type-url.ts";
import { encodeMessage } from "../wire/encode.ts";
import { LARGE_ARGS_BYTES, MAX_RESULT_BYTES } from "../wire/limits.ts";
import { type Answer, failure, isRefusal } from "./answer.ts";
import { AuditedCall, auditedJob } from "./audited-call.ts";
import type { Catalogue } from "./catalogue.ts";
import { isOtherDefinition, refuseUnknown, toolChanged } from "./definition-check.ts";
import type { ToolContext } from "./handler.ts";
import { intentDigestOf } from "./intent-key.ts";
import { CallContext, type CallInvocation, type Invocation, SystemCallContext } from "./invocation.ts";
import { OverdueHandlers } from "./overdue-handlers.ts";
import { progressReporter } from "./progress-report.ts";
import { readOutcome, tooLarge, writeOutcome } from "./recorded-outcome.ts";
import { encode, systemAnswer } from "./system-answer.ts";
import type { Tool } from "./tool.ts";
import { runHandler } from "./tool-run.ts";
import { attemptTrace, endSubmission, startSubmission, traceAttempt, traceOf, traceTool } from "./tool-span.ts";
import type { Toolset } from "./toolset.ts";
import { Unsettled } from "./unsettled.ts";

/** Options of a {@link Dispatcher}. */
export interface DispatcherOptions {
  /** The tools at the start; see {@link Dispatcher.use}. */
  readonly toolset: Toolset;
  readonly store: Store;
  /** Required for calls. A worker, which only runs jobs, has none. */
  readonly overdue?: OverdueHandlers;
  readonly logger: Logger;
  /** Records calls with side effects and the attempts of jobs. Default: nothing is recorded. */
  readonly audit?: AuditTrail | undefined;
  /** Starts the spans of attempts. Default: none are made. */
  readonly tracing?: Tracing | undefined;
}

/** The output of a streaming call. */
export interface StreamingAnswer {
  readonly outputs: AsyncIterable<object>;
  /** Makes the answer for one message. */
  readonly answer: (output: object) => Answer;
}

/** A call whose arguments were checked. */
interface Checked {
  readonly tool: Tool;
  readonly args: Uint8Array;
  /** The decoded arguments of a system tool; `undefined` for any other. */
  readonly input: unknown;
  readonly invocation: CallInvocation;
}

const IN_PROGRESS_RETRY_MS = 500;
/** Steps in the processing of large arguments per event loop turn. One step may take milliseconds. */
const LARGE_STEPS_PER_TURN = 1;

/**
 * Checks permission, arguments and intent of a verified call and runs its tool (docs/protocol-server.md, Verification order).
 * Throws for a refused call. A tool that ran and failed gives an {@link Answer} with its error.
 */
export class Dispatcher {
  #toolset: Toolset;
  readonly #store: Store;
  readonly #overdue: OverdueHandlers;
  /** Limits the steps in the processing of large arguments, so that other work is not delayed. */
  readonly #largeStepLimiter = new TickLimiter(LARGE_STEPS_PER_TURN);
  readonly #logger: Logger;
  readonly #tracing: Tracing | undefined;
  readonly #audit: AuditTrail | undefined;
  readonly #answers = new WeakMap<object, Answer>();

  constructor(options: DispatcherOptions) {
    const { toolset, store, overdue = new OverdueHandlers(Number.POSITIVE_INFINITY), logger, tracing, audit } = options;
    this.#toolset = toolset;
    this.#audit = audit;
    this.#store = store;
    this.#overdue = overdue;
    this.#logger = logger;
    this.#tracing = tracing;
  }

  /** The tools in force. */
  get toolset(): Toolset {
    return this.#toolset;
  }

  /** Replaces the tools. Calls and attempts that have begun keep theirs. */
  use(toolset: Toolset): void {
    this.#toolset = toolset;
  }

  /** Runs a call and returns its answer. */
  async call(invocation: CallInvocation): Promise<Answer> {
    const { catalogue, validator } = this.#toolset;
    const tool = callableTool(catalogue, invocation, false);
    this.#overdue.check(tool.name);
    if (isOtherDefinition(tool, invocation)) await refuseUnknown(tool, { invocation, store: this.#store });
    const { args: given, clientId } = invocation.request.envelope;
    const args = await this.#step(given.value, clientId, () => checkArgs(validator, tool, given));
    if (invocation.stopped !== undefined) throw invocation.stopped;
    const isSystem = catalogue.isSystemTool(tool.name);
    const input = isSystem ? tool.decodeInput(args) : undefined;
    const audited = AuditedCall.of(this.#audit, { catalogue, tool, input, request: invocation.request });
    const begin = (): Promise<Answer> => this.#begin(catalogue, { tool, args, input, invocation, audited });
    const isHandled = !isSystem && !catalogue.isOperatorTool(tool);
    const recordsItself = isHandled && !tool.repeatable && tool.policy === undefined;
    const answer = await (audited === undefined || recordsItself ? begin() : audited.record(begin));
    if (!isHandled) return answer;
    if (isRefusal(answer)) throw answer.error;
    return answer;
  }

  /** `catalogue`: the one that the tool was found in. */
  #begin(
    catalogue: Catalogue,
    { tool, args, input, invocation, audited }: Checked & { readonly audited: AuditedCall | undefined },
  ): Promise<Answer> {
    if (catalogue.isOperatorTool(tool)) return this.#callOperatorTool(tool, args, invocation);
    if (input !== undefined) return this.#callSystemTool(tool, input, invocation);
    if (tool.policy !== undefined) return this.#startJob(tool, tool.policy, args, invocation);
    return tool.repeatable ? this.#run(tool, args, invocation) : this.#runOnce(tool, args, invocation, audited);
  }

  /**
   * Called when a stopped call has still not ended after the grace period. Marks its intent as unknown; a late outcome
   * is still recorded. If its handler still runs, it counts as overdue until it returns.
   */
  giveUp(invocation: CallInvocation): void {
    const { envelope, logger } = invocation.request;
    if (invocation.handlerRuns) {
      invocation.isOverdue = true;
      this.#overdue.enter(envelope.tool);
      logger.warn({ reason: invocation.stopped?.reason }, "a handler has not returned long after its call was stopped");
    }
    if (!invocation.intentRuns) return;
    this.#store.intents.giveUp(envelope.clientId, envelope.requestId).catch((err: unknown) => {
      logger.error({ err }, "an intent whose handler does not return could not be marked as unknown");
    });
  }

  /** Called when the handler of a call has returned. An overdue handler then no longer counts as overdue. */
  returned({ isOverdue, request: { envelope, logger } }: CallInvocation): void {
    if (!isOverdue) return;
    this.#overdue.leave(envelope.tool);
    logger.info({}, "a handler returned long after its call was stopped");
  }

  /** Starts a streaming call. */
  watch(invocation: Invocation): StreamingAnswer {
    const { catalogue, validator } = this.#toolset;
    const tool = callableTool(catalogue, invocation, true);
    if (isOtherDefinition(tool, invocation)) throw toolChanged(tool);
    const args = checkArgs(validator, tool, invocation.request.envelope.args);
    const outputs = tool.handler(
      tool.decodeInput(args),
      new SystemCallContext(tool, invocation),
    ) as AsyncIterable<object>;
    return { outputs, answer: (output) => this.#sharedAnswer(tool, output) };
  }

  /** Makes the answer for an output that several watches share. The output is encoded once. */
  #sharedAnswer(tool: Tool, output: object): Answer {
    let answer = this.#answers.get(output);
    if (answer === undefined) {
      answer = systemAnswer(tool, output);
      this.#answers.set(output, answer);
    }
    return answer;
  }

  /** The handler of a job tool for the job engine; `undefined` if there is no such tool. */
  jobHandler(name: string): JobHandler | undefined {
    const tool = this.#toolset.catalogue.jobTool(name);
    return tool && auditedJob(this.#audit, (run) => this.#runJob(tool, run));
  }

  async #callSystemTool(tool: Tool, input: unknown, invocation: Invocation): Promise<Answer> {
    return systemAnswer(tool, await tool.handler(input, new SystemCallContext(tool, invocation)));
  }

  /** A failure that the tool reports is its outcome; any other error refuses the call. */
  async #callOperatorTool(tool: Tool, args: Uint8Array, invocation: Invocation): Promise<Answer> {
    try {
      const output = await tool.handler(tool.decodeInput(args), new SystemCallContext(tool, invocation));
      return { status: Status.OK, result: encode(tool, output) };
    } catch (thrown) {
      if (thrown instanceof SealwireError && thrown.reason === "TOOL_FAILED") return failure(thrown);
      throw thrown;
    }
  }

  async #startJob(tool: Tool, policy: JobPolicy, args: Uint8Array, { request }: Invocation): Promise<Answer> {
    const { envelope, key } = request;
    const intentDigest = await this.#step(args, envelope.clientId, () => intentDigestOf(tool, args));
    const span = startSubmission(request);
    const submitted = this.#store.jobs.submit({
      owner: envelope.clientId,
      requestId: envelope.requestId,
      intentDigest,
      tool: tool.name,
      args,
      policy,
      openJobsMax: key.limits.openJobs,
      ...traceOf(span ?? request),
    });
    const { job } = await (span === undefined ? submitted : endSubmission(span, submitted));
    return { status: Status.ACCEPTED, job };
  }

  /** Runs a tool whose intents are not recorded. */
  #run(tool: Tool, args: Uint8Array, invocation: CallInvocation): Promise<Answer> {
    const context = new CallContext(tool, invocation);
    const { span, key } = invocation.request;
    if (span === undefined) return this.#runIn(context, tool, args, invocation);
    const run = (): Promise<Answer> => this.#runIn(context, tool, args, invocation);
    return traceTool(span, { tool: tool.name, context, key }, run);
  }

  async #runIn(context: CallContext, tool: Tool, args: Uint8Array, invocation: CallInvocation): Promise<Answer> {
    try {
      const output = this.#step(args, context.clientId, () => this.#handle(tool, args, context, invocation));
      const result = encode(tool, await output);
      if (result.value.length <= MAX_RESULT_BYTES) return { status: Status.OK, result };
      return failure(tooLarge(tool, result.value.length, MAX_RESULT_BYTES));
    } catch (thrown) {
      if (thrown instanceof Unsettled) return { ...failure(thrown.error), effect: thrown.effect };
      return failure(reported(thrown, context.logger));
    }
  }

  /** Decodes the arguments and starts the handler. */
  #handle(tool: Tool, args: Uint8Array, context: CallContext, invocation: CallInvocation): Promise<unknown> {
    // A recorded intent has already begun, so the handler starts and reacts to its aborted signal.
    if (invocation.stopped !== undefined && !invocation.intentRuns) throw invocation.stopped;
    const input = tool.decodeInput(args);
    invocation.handlerRuns = true;
    return runHandler(tool, input, context, invocation);
  }

  /**
   * Runs a tool at most once per intent. The intent is recorded before the handler starts, the outcome after it
   * returns.
   */
  async #runOnce(
    tool: Tool,
    args: Uint8Array,
    invocation: CallInvocation,
    audited: AuditedCall | undefined,
  ): Promise<Answer> {
    const { clientId, requestId } = invocation.request.envelope;
    const digest = await this.#step(args, clientId, () => intentDigestOf(tool, args));
    const { intents } = this.#store;
    invocation.intentDigest = digest;
    const begin = await intents.begin(clientId, requestId, digest, { repeatable: tool.deduplicates });
    switch (begin.kind) {
      case "finished": {
        const outcome = readOutcome(begin.outcome);
        audited?.repeat(outcome);
        return outcome;
      }
      case "running":
        throw new SealwireError("REQUEST_IN_PROGRESS", undefined, { retryDelayMs: IN_PROGRESS_RETRY_MS });
      case "unknown":
        throw new SealwireError("OUTCOME_UNKNOWN");
      case "reused":
        throw new SealwireError("REQUEST_ID_REUSED");
      case "begun": {
        invocation.intentRuns = true;
        if (invocation.stopped !== undefined) {
          await intents.abandon(clientId, requestId);
          throw invocation.stopped;
        }
        await audited?.begin().catch(async (thrown: unknown) => {
          await intents.abandon(clientId, requestId);
          throw thrown;
        });
        const answer = await this.#run(tool, args, invocation);
        audited?.end(answer);
        if (answer.effect === "none") await intents.abandon(clientId, requestId);
        else if (answer.effect === "unknown") await intents.giveUp(clientId, requestId);
        else return await this.#finish(tool, invocation, answer);
        return answer;
      }
    }
  }

  /** Records the outcome of an intent. Returns that of another run if it was recorded first. */
  async #finish(tool: Tool, { request: { envelope } }: CallInvocation, answer: Answer): Promise<Answer> {
    const outcome = writeOutcome(tool, answer);
    const recorded = await this.#store.intents.finish(envelope.clientId, envelope.requestId, outcome);
    return recorded === outcome ? answer : readOutcome(recorded);
  }

  #runJob(tool: Tool, run: JobRun): Promise<Uint8Array> {
    return traceAttempt(this.#tracing, { tool: tool.name, run }, (span) => this.#runAttempt(tool, run, span));
  }

  async #runAttempt(tool: Tool, run: JobRun, span: OpenSpan | undefined): Promise<Uint8Array> {
    const logger = this.#logger.child({
      client: run.owner,
      request_id: run.requestId,
      job_id: run.jobId,
      attempt: run.attempt,
      tool: tool.name,
      ...attemptTrace(span, run),
    });
    const { traceparent, tracestate } = span ?? run;
    const context: ToolContext = {
      clientId: run.owner,
      requestId: run.requestId,
      jobId: run.jobId,
      attempt: run.attempt,
      idempotencyKey: run.jobId,
      deadlineMs: run.deadlineMs,
      signal: run.signal,
      args: run.args,
      traceparent,
      tracestate,
      logger,
      progress: progressReporter(run, logger),
    };
    // The contract of another process may have changed since the job was accepted.
    if (tool.host !== undefined) this.#toolset.validator.validate(tool.input, run.args);
    tool.checkArgs?.(run.args);
    if (tool.runsOnce) run.runOnce();
    try {
      const handle = (): Promise<unknown> => runHandler(tool, tool.decodeInput(run.args), context, run);
      const output = await this.#step(run.args, run.owner, handle);
      const result = await this.#step(run.args, run.owner, () => encodeMessage(Any, encode(tool, output)));
      if (result.length <= MAX_RESULT_BYTES) return result;
      throw tooLarge(tool, result.length, MAX_RESULT_BYTES);
    } catch (thrown) {
      if (run.signal.aborted || thrown instanceof HandBackError) throw thrown;
      const error = reported(thrown, logger);
      // An unexpected error may be temporary, so the policy's remaining attempts apply.
      throw error === thrown
        ? error
        : new SealwireError(error.reason, error.message, { retryable: true, cause: thrown });
    }
  }

  /** Runs one step in the processing of arguments; for large arguments as a separate task. */
  #step<T>(args: Uint8Array, owner: string, step: () => T | Promise<T>): T | Promise<T> {
    return args.length > LARGE_ARGS_BYTES ? this.#largeStepLimiter.do(step, owner) : step();
  }
}

function callableTool(catalogue: Catalogue, { request: { envelope, key } }: Invocation, streaming: boolean): Tool {
  return catalogue.callable(envelope.tool, key, streaming);
}

function checkArgs(validator: ArgsValidator, tool: Tool, { typeUrl, value }: Any): Uint8Array {
  if (typeUrl !== tool.inputTypeUrl) throw argsMisfit(tool.name, tool.inputTypeUrl);
  validator.validate(tool.input, value);
  tool.checkArgs?.(value);
  return value;
}

/** The error that the caller receives for a tool's failure. An unexpected error is logged and replaced by INTERNAL. */
function reported(thrown: unknown, logger: Logger): SealwireError {
  if (!(thrown instanceof SealwireError)) logger.error({ err: thrown }, "tool failed unexpectedly");
  return SealwireError.from(thrown);
}

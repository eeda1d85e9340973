import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { CallToolResult } from "@modelcontextprotocol/server";
import { encodeArguments } from "../../client/calls/arguments.ts";
import type { CallResult } from "../../client/calls/call-result.ts";
import { unlessAborted } from "../../client/calls/deadline.ts";
import type { EncodedMessage } from "../../client/calls/signer.ts";
import type { JobSnapshot } from "../../client/jobs/job-snapshot.ts";
import { SealwireError } from "../../errors.ts";
import { type ArgumentProblem, checkJsonArguments } from "../../schema/argument-check.ts";
import type { TraceContext } from "../../wire/traceparent.ts";
import { answerToThrown, badArguments, isUncertain, type ToolAnswer } from "./answer.ts";
import type { BridgedTool } from "./bridged-tool.ts";
import type { Jobs } from "./jobs.ts";
import { callKey, type OpenCall } from "./open-calls.ts";
import type { Principal, ResolvedBridgeOptions } from "./options.ts";
import type { ProgressReports } from "./progress.ts";
import type { ToolRegistry } from "./tool-registry.ts";
import { toolResult } from "./tool-result.ts";

/** A call of a tool by a host. */
export interface HostCall {
  readonly tool: BridgedTool;
  readonly args: JsonObject;
  /** The id that the host gives the intent, if any. */
  readonly requestId: string | undefined;
  readonly trace: TraceContext;
  /** Aborts when the host has gone. */
  readonly signal: AbortSignal;
  /** True if the host has gone on purpose, so that `onCancel` applies. Called after `signal` has aborted. */
  readonly wasCancelled: () => boolean;
  /** True if the host takes a task for a job. */
  readonly takesTask: boolean;
  readonly progress: ProgressReports | undefined;
}

/** What a host gets: an answer, or a job that becomes its task. */
export type CallOutcome = ToolAnswer | { readonly kind: "task"; readonly job: JobSnapshot };

/** An outcome. `isOpen`: an identical call continues this one. */
interface RunOutcome {
  readonly outcome: CallOutcome;
  readonly isOpen: boolean;
}

/** The key of the request id in `_meta` of results, and of requests that choose one. */
export const REQUEST_ID_META = "dev.sealwire/request-id";

/** An intent: new, or an earlier one that is continued. */
interface Intent {
  readonly requestId: string;
  /** Set if a later identical call may continue it. */
  readonly open: OpenCall | undefined;
  readonly isContinued: boolean;
}

/** Calls the tools of the server for hosts. */
export class HostCalls {
  readonly #options: ResolvedBridgeOptions;
  readonly #principal: Principal;
  readonly #jobs: Jobs;

  readonly #registry: ToolRegistry;

  constructor(options: ResolvedBridgeOptions, principal: Principal, jobs: Jobs, registry: ToolRegistry) {
    this.#options = options;
    this.#principal = principal;
    this.#jobs = jobs;
    this.#registry = registry;
  }

  /** Calls a tool. Rejects only with the signal's reason, if the host has gone. */
  async call(call: HostCall): Promise<CallOutcome> {
    const args = asArguments(call);
    if ("kind" in args) return args;
    const intent = this.#intent(call, args);
    try {
      const { outcome, isOpen } = await this.#run(call, intent, args);
      this.#settle(intent, isOpen);
      return annotated(outcome, intent);
    } catch (thrown) {
      call.signal.throwIfAborted();
      this.#settle(intent, thrown instanceof SealwireError && isUncertain(thrown));
      if (isOutdated(thrown)) this.#registry.expire();
      if (isForPeople(thrown)) this.#options.logger.error({ err: thrown }, "a call failed");
      return annotated(answerToThrown(thrown, repetition(call, intent)), intent);
    }
  }

  /** Continues the earlier identical call that no host waits for, if there is one. Otherwise begins a new intent. */
  #intent({ tool, requestId }: HostCall, { value }: EncodedMessage): Intent {
    const { openCalls, random } = this.#options;
    if (requestId !== undefined) return { requestId, open: undefined, isContinued: false };
    if (tool.repeatable) return { requestId: random.uuid(), open: undefined, isContinued: false };
    const { serverId, clientId } = this.#principal.credentials.current();
    const key = callKey({ serverId, clientId, tool: tool.name, args: value });
    const earlier = openCalls.take(key);
    const open = earlier ?? openCalls.begin(key, random.uuid());
    return { requestId: open.requestId, open, isContinued: earlier !== undefined };
  }

  async #run(call: HostCall, intent: Intent, args: EncodedMessage): Promise<RunOutcome> {
    const { tool, trace, signal } = call;
    const { requestId } = intent;
    const sent = this.#principal.client.call(tool.name, args, {
      requestId,
      returnFailure: true,
      ...trace,
      // A call that would be continued goes on without its host.
      ...(intent.open === undefined && { signal }),
    });
    sent.catch(() => {});
    // At once, because the next message of the host may be the same call again.
    const onAbort = (): void => {
      this.#settle(intent, this.#options.onCancel !== "job" || !call.wasCancelled());
      void this.#cancelUnseen(call, sent);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      const outcome = await this.#answer(call, await unlessAborted(sent, signal));
      signal.throwIfAborted();
      return outcome;
    } finally {
      // The SDK also aborts when the answer has been sent.
      signal.removeEventListener("abort", onAbort);
    }
  }

  async #answer(call: HostCall, result: CallResult): Promise<RunOutcome> {
    const { tool, takesTask } = call;
    if (result.error !== undefined) throw result.error;
    if (result.output !== undefined) return closed({ kind: "result", result: toolResult(tool, result.output) });
    if (result.job === undefined) throw new SealwireError("RESPONSE_INVALID", `The answer of ${tool.name} is empty.`);
    return takesTask ? closed({ kind: "task", job: result.job }) : this.#await(call, result.job);
  }

  /** Waits for the job of a call. If that fails, the job goes on: the answer has its id, and the call stays open. */
  async #await({ tool, signal, progress }: HostCall, started: JobSnapshot): Promise<RunOutcome> {
    const own = this.#jobs.started(started, tool);
    let job: JobSnapshot;
    try {
      job = await this.#jobs.wait(own, { ms: this.#options.waitMs, signal, progress });
    } catch (thrown) {
      signal.throwIfAborted();
      const { reason, message } = SealwireError.from(thrown);
      const trouble = `Waiting for the job failed: ${reason}: ${message}\nThe job may go on.`;
      return { outcome: this.#jobs.openJob(started, trouble), isOpen: true };
    }
    return closed(await this.#jobs.answer({ ...own, job }));
  }

  /** Cancels the job of a call whose host cancelled it, also if the job is accepted only later. */
  async #cancelUnseen({ tool, wasCancelled }: HostCall, sent: Promise<{ readonly job?: JobSnapshot | undefined }>) {
    if (!tool.isJob || this.#options.onCancel !== "job" || !wasCancelled()) return;
    try {
      const { job } = await sent;
      if (job !== undefined) await this.#principal.client.job(job.jobId).cancel();
    } catch (err) {
      this.#options.logger.warn({ tool: tool.name, err }, "the job of a cancelled call could not be cancelled");
    }
  }

  /** `isOpen`: the host does not know the outcome, and may continue the call. */
  #settle({ open }: Intent, isOpen: boolean): void {
    if (open === undefined) return;
    if (isOpen) this.#options.openCalls.abandon(open);
    else this.#options.openCalls.end(open);
  }
}

function closed(outcome: CallOutcome): RunOutcome {
  return { outcome, isOpen: false };
}

/** True for an error of which hosts do not learn the message. */
function isForPeople(thrown: unknown): boolean {
  return !(thrown instanceof SealwireError) || thrown.reason === "OPTIONS_INVALID";
}

/** True if the contract that was read is probably not that of the server any more. */
function isOutdated(thrown: unknown): boolean {
  const { reason } = SealwireError.from(thrown);
  return reason === "TOOL_FORBIDDEN" || reason === "TOOL_CHANGED" || reason === "RESPONSE_INVALID";
}

/** The encoded arguments, or the answer that says all that is wrong with them. The server checks the rules of the contract. */
function asArguments(call: HostCall): EncodedMessage | ToolAnswer {
  const { method, image, schema, name } = call.tool;
  const json: JsonValue | undefined = schema.inputIs === "value" ? call.args.value : call.args;
  if (json === undefined) return allProblems([NO_VALUE]);
  // A server checks arguments that fit their type; its answer names all rules that they break.
  const problems = schema.inputIs === "arguments" ? checkJsonArguments(image, method, json) : [];
  if (problems.length > 0) return allProblems(problems);
  try {
    const contract = { tool: name, input: method.input, output: method.output, registry: image.registry };
    return encodeArguments(contract, schema.inputIs === "arguments" ? { arguments: json } : json);
  } catch (thrown) {
    const found = checkJsonArguments(image, method, json);
    return found.length > 0 ? allProblems(found) : answerToThrown(thrown, "");
  }
}

function allProblems(problems: readonly ArgumentProblem[]): ToolAnswer {
  const violations = problems.map(({ field, message, rule }) => ({ field, message, ruleId: rule }));
  return badArguments({ message: "", violations, violationsOmitted: 0 });
}

const NO_VALUE = { field: "value", message: "is missing", rule: "required" };

const CONTINUED =
  "This call continues an identical earlier one, whose answer was not received. The tool was not started a second time.";

function annotated(outcome: CallOutcome, { requestId, isContinued }: Intent): CallOutcome {
  if (outcome.kind !== "result") return outcome;
  const { result } = outcome;
  const content = isContinued ? [...result.content, { type: "text" as const, text: CONTINUED }] : result.content;
  const _meta = { ...result._meta, [REQUEST_ID_META]: requestId };
  return { kind: "result", result: { ...result, content, _meta } satisfies CallToolResult };
}

/** What a model is told about a repetition after an uncertain end. */
function repetition({ tool }: HostCall, { open, requestId }: Intent): string {
  if (tool.repeatable) return "A repetition does no harm.";
  if (open === undefined) return `Repeat it only with the same request id, ${requestId}.`;
  return "The same call, with the same arguments, within ten minutes continues it and does not run the tool twice.";
}

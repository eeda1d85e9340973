import type { Any } from "../../../gen/google/protobuf/any.ts";
import { CancelJobRequest } from "../../../gen/sealwire/system/v1/cancel_job.ts";
import { PollJobRequest } from "../../../gen/sealwire/system/v1/poll_job.ts";
import { SealwireError } from "../../errors.ts";
import { isTerminal } from "../../jobs/transitions.ts";
import { checkNumber } from "../../runtime/number-range.ts";
import { TYPE_URL_PREFIX } from "../../wire/limits.ts";
import { callTool } from "../calls/tool-call.ts";
import type { Connection, OperationOptions } from "../connection.ts";
import { checkRevision, MAX_TIMEOUT_MS } from "../options.ts";
import { checkSuccession, type JobAnswer, type JobSystemTool, readJobAnswer } from "./job-answer.ts";
import { errorOfJob, type JobSnapshot } from "./job-snapshot.ts";
import { type WatchOptions, watchJob } from "./watch.ts";

/** How to poll a job. */
export interface PollOptions extends OperationOptions {
  /** Waits up to this long for a revision above `afterRevision`, 0 to 45,000 ms. Default 0: answers at once. */
  readonly waitMs?: number;
  /** The newest revision that the caller knows. Default 0. */
  readonly afterRevision?: number;
}

/** Turns the bytes of a job's output into what the handle gives. */
export type ReadOutput<Output> = (output: Any) => Output | Promise<Output>;

const MAX_WAIT_MS = 45_000;

/**
 * One job, by its id. A handle holds nothing on the server: it can be dropped, and another made from the id, also by
 * another process with the same client's credentials. Every method throws JOB_NOT_FOUND for a job that this client
 * does not own or that is forgotten.
 */
export class JobHandle<Output> {
  readonly jobId: string;
  readonly #connection: Connection;
  readonly #readOutput: ReadOutput<Output>;
  #latest: JobSnapshot | undefined;
  #output: Any | undefined;

  /** @internal */
  constructor(connection: Connection, jobId: string, readOutput: ReadOutput<Output>, latest?: JobSnapshot) {
    this.jobId = jobId;
    this.#connection = connection;
    this.#readOutput = readOutput;
    this.#latest = latest;
  }

  /** The newest state that this handle has seen; `undefined` before the first answer. */
  get latest(): JobSnapshot | undefined {
    return this.#latest;
  }

  /** Asks for the job's state. The default time limit is the client's on top of `waitMs`. */
  async poll({ waitMs = 0, afterRevision = 0, ...options }: PollOptions = {}): Promise<JobSnapshot> {
    const { timeoutMs = Math.min(waitMs + this.#connection.options.timeoutMs, MAX_TIMEOUT_MS) } = options;
    checkNumber("waitMs", waitMs, { least: 0, most: MAX_WAIT_MS, fraction: true });
    const known = this.#latest;
    const args = PollJobRequest.encode({
      jobId: this.jobId,
      // The wait must end inside the deadline, or its answer would never be seen.
      waitMs: Math.max(0, Math.round(Math.min(waitMs, timeoutMs - ANSWER_MARGIN_MS))),
      afterRevision: BigInt(checkRevision(afterRevision)),
    }).finish();
    const answer = await this.#ask("poll_job", "PollJobRequest", args, { ...options, timeoutMs });
    checkSuccession(known, answer.job);
    return this.#note(answer);
  }

  /**
   * Follows the job: yields its state now, then each newer revision (progress may be merged), and ends after the
   * terminal state. Resumes by itself when the connection breaks, the server drains or falls silent.
   */
  async *watch(options: WatchOptions = {}): AsyncGenerator<JobSnapshot, void, undefined> {
    const target = { jobId: this.jobId, isKnown: this.#latest !== undefined };
    for await (const answer of watchJob(this.#connection, target, options)) yield this.#note(answer);
  }

  /**
   * Waits for the job's end and gives its output. Throws a SealwireError made of the job's own error if it failed or
   * was cancelled.
   */
  async result(options: Omit<WatchOptions, "afterRevision"> = {}): Promise<Output> {
    if (!this.#isOver()) {
      for await (const _ of this.watch(options)) {
        // Each state is noted by watch; the terminal one is the last.
      }
    }
    const job = this.#latest;
    const error = job && errorOfJob(job);
    if (error !== undefined) throw error;
    if (this.#output !== undefined) return this.#readOutput(this.#output);
    throw new SealwireError("RESPONSE_INVALID", `Job ${this.jobId} ended without an outcome.`);
  }

  /**
   * Asks the job to stop; asking twice does no more. Gives the job as the request left it: a queued job is CANCELLED
   * at once, a running one soon, a finished one stays as it is.
   */
  async cancel(options: OperationOptions = {}): Promise<JobSnapshot> {
    const args = CancelJobRequest.encode({ jobId: this.jobId }).finish();
    return this.#note(await this.#ask("cancel_job", "CancelJobRequest", args, options));
  }

  async #ask(tool: JobSystemTool, type: string, value: Uint8Array, options: OperationOptions): Promise<JobAnswer> {
    const { random } = this.#connection.options;
    const args = { typeUrl: `${TYPE_URL_PREFIX}sealwire.system.v1.${type}`, value };
    const intent = { tool, args, requestId: random.uuid(), traceparent: undefined };
    return readJobAnswer(tool, this.jobId, await callTool(this.#connection, intent, options));
  }

  /** True once everything that `result` needs is here. */
  #isOver(): boolean {
    const state = this.#latest?.state;
    return state !== undefined && isTerminal(state) && (state !== "SUCCEEDED" || this.#output !== undefined);
  }

  /** Keeps the newest state; answers to calls that ran side by side may come in any order. */
  #note({ job, output }: JobAnswer): JobSnapshot {
    if (this.#latest === undefined || job.revision >= this.#latest.revision) this.#latest = job;
    this.#output ??= output;
    return job;
  }
}

const ANSWER_MARGIN_MS = 500;

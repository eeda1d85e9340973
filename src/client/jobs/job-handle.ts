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

/** Options of {@link JobHandle.poll}. */
export interface PollOptions extends OperationOptions {
  /**
   * Maximum time to wait for a revision above `afterRevision`, 0 to 45,000 ms. Default 0: the server answers
   * immediately.
   */
  readonly waitMs?: number;
  /** The newest revision that the caller knows. Default 0. */
  readonly afterRevision?: number;
  /**
   * True: the answer has the latest attempts of the job, `JobSnapshot.attempts`. Default false. Servers of 0.1 know
   * none.
   */
  readonly includeAttempts?: boolean;
}

/** Converts the output of a job into the type that the handle returns. */
export type ReadOutput<Output> = (output: Any) => Output | Promise<Output>;

const MAX_WAIT_MS = 45_000;

/**
 * One job, identified by its id. A handle has no state on the server. It can be discarded, and another one can be
 * created from the id, also in another process with credentials of the same client. Every method throws JOB_NOT_FOUND
 * if this client does not own the job or the job was removed.
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

  /** The newest state that this handle has received; `undefined` before the first answer. */
  get latest(): JobSnapshot | undefined {
    return this.#latest;
  }

  /** Requests the job's state. The default time limit is the client's `timeoutMs` plus `waitMs`. */
  async poll(asked: PollOptions = {}): Promise<JobSnapshot> {
    try {
      return await this.#poll(asked);
    } catch (error) {
      // A server of 0.1 refuses a field that it does not know.
      if (!asked.includeAttempts || SealwireError.from(error).reason !== "ARGS_INVALID") throw error;
      return await this.#poll({ ...asked, includeAttempts: false });
    }
  }

  async #poll({
    waitMs = 0,
    afterRevision = 0,
    includeAttempts = false,
    ...options
  }: PollOptions): Promise<JobSnapshot> {
    const { timeoutMs = Math.min(waitMs + this.#connection.options.timeoutMs, MAX_TIMEOUT_MS) } = options;
    checkNumber("waitMs", waitMs, { least: 0, most: MAX_WAIT_MS, fraction: true });
    const known = this.#latest;
    const args = PollJobRequest.encode({
      jobId: this.jobId,
      // The wait must end before the deadline, so that its answer can be received.
      waitMs: Math.max(0, Math.round(Math.min(waitMs, timeoutMs - ANSWER_MARGIN_MS))),
      afterRevision: BigInt(checkRevision(afterRevision)),
      includeAttempts,
    }).finish();
    const answer = await this.#ask("poll_job", "PollJobRequest", args, { ...options, timeoutMs });
    checkSuccession(known, answer.job);
    return this.#note(answer);
  }

  /**
   * Watches the job: yields its current state, then each newer revision (progress may be merged), and ends after the
   * terminal state. Resumes automatically if the connection breaks, the server drains or becomes silent.
   */
  async *watch(options: WatchOptions = {}): AsyncGenerator<JobSnapshot, void, undefined> {
    const target = { jobId: this.jobId, isKnown: this.#latest !== undefined };
    for await (const answer of watchJob(this.#connection, target, options)) yield this.#note(answer);
  }

  /**
   * Waits for the end of the job and returns its output. Throws a SealwireError with the job's own error if it failed
   * or was cancelled.
   */
  async result(options: Omit<WatchOptions, "afterRevision"> = {}): Promise<Output> {
    if (!this.#isOver()) {
      for await (const _ of this.watch(options)) {
        // The watch stores each state and ends after the terminal one.
      }
    }
    const job = this.#latest;
    const error = job && errorOfJob(job);
    if (error !== undefined) throw error;
    if (this.#output !== undefined) return this.#readOutput(this.#output);
    throw new SealwireError("RESPONSE_INVALID", `Job ${this.jobId} ended without an outcome.`);
  }

  /**
   * Requests the cancellation of the job. Idempotent. Returns the state of the job after the request: a queued job is
   * CANCELLED immediately, a running one soon, and one that has ended does not change.
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

  /** True once everything that `result` needs has been received. */
  #isOver(): boolean {
    const state = this.#latest?.state;
    return state !== undefined && isTerminal(state) && (state !== "SUCCEEDED" || this.#output !== undefined);
  }

  /** Stores the newest state. Answers to concurrent calls may arrive in any order. */
  #note({ job, output }: JobAnswer): JobSnapshot {
    if (this.#latest === undefined || job.revision >= this.#latest.revision) this.#latest = job;
    this.#output ??= output;
    return job;
  }
}

const ANSWER_MARGIN_MS = 500;

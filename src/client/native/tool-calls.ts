import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { JobProgress } from "../../../gen/sealwire/v1/job.ts";
import { SealwireError } from "../../errors.ts";
import { isTerminal } from "../../jobs/transitions.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { CallOptions } from "../calls/call-options.ts";
import type { CallResult } from "../calls/call-result.ts";
import type { EncodedMessage } from "../calls/signer.ts";
import type { ToolOutput } from "../calls/tool-output.ts";
import type { EncodedWatchRequest } from "../jobs/encoded-watch.ts";
import type { JobHandle } from "../jobs/job-handle.ts";
import type { JobSnapshot } from "../jobs/job-snapshot.ts";
import type { WatchOptions } from "../jobs/watch.ts";
import { answerMetadata, type CallIntent } from "./call-metadata.ts";
import type { ToolMethod } from "./contract.ts";
import type { NativeCall } from "./native-call.ts";
import { type FailedCall, failureOfCall, failureOfTool } from "./native-status.ts";

/** What native calls need of a `SealwireClient`. */
export interface ToolClient {
  call(tool: string, args: EncodedMessage, options: CallOptions): Promise<CallResult>;
  job(jobId: string): JobHandle<ToolOutput>;
  watchEncoded(request: EncodedWatchRequest, options: WatchOptions): AsyncGenerator<Uint8Array, void, undefined>;
}

/** Options of {@link ToolCalls}. */
export interface ToolCallsOptions {
  readonly client: ToolClient;
  /** Maximum time until a call is answered or its job accepted. A caller's own deadline may be shorter. */
  readonly timeoutMs: number;
  /** Ends the watches of system tools when it aborts. */
  readonly drainSignal: AbortSignal;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A native call with everything that is known of it. */
export interface ToolRequest {
  readonly call: NativeCall;
  readonly method: ToolMethod;
  readonly intent: CallIntent;
  /** The serialized arguments. */
  readonly args: Buffer;
}

/** Carries out native calls as signed calls. */
export class ToolCalls {
  readonly #options: ToolCallsOptions;

  constructor(options: ToolCallsOptions) {
    this.#options = options;
  }

  /** Calls the tool and answers the native caller. Never rejects. */
  async serve(request: ToolRequest): Promise<void> {
    const { call, method, intent } = request;
    const { tool, repeatable } = method;
    let known: FailedCall = { tool, repeatable, requestId: intent.requestId, jobId: undefined };
    try {
      if (tool === "watch_job" || tool === "watch_jobs") {
        await this.#watch(request, tool);
        return;
      }
      const { job, output, error } = await this.#call(request);
      if (output !== undefined) this.#answer(request, output);
      else if (error !== undefined) call.fail(failureOfTool(error, known));
      else if (job === undefined) throw new SealwireError("RESPONSE_INVALID", `The answer of ${tool} holds no result.`);
      else {
        known = { ...known, jobId: job.jobId };
        const failure = await this.#follow(request, job.jobId);
        if (failure !== undefined) call.fail(failureOfTool(failure, known));
      }
    } catch (thrown) {
      const { logger } = this.#options;
      const { requestId } = intent;
      if (!(thrown instanceof SealwireError))
        logger.error({ err: thrown, tool, request_id: requestId }, "call failed unexpectedly");
      call.fail(failureOfCall(SealwireError.from(thrown), known));
    }
  }

  /** Sends the signed call. A job that is to be cancelled with its call is started in any case, so that its id is known. */
  #call({ call, method, intent, args }: ToolRequest): Promise<CallResult> {
    const { client, clock, timeoutMs } = this.#options;
    const { requestId, trace, cancelOnAbandon } = intent;
    const isBound = !(cancelOnAbandon && method.isJob);
    const leftMs = Math.max(1, call.deadlineMs - clock.nowMs());
    return client.call(
      method.tool,
      { typeUrl: method.inputType, value: args },
      {
        requestId,
        returnFailure: true,
        timeoutMs: isBound ? Math.min(timeoutMs, leftMs) : timeoutMs,
        ...(isBound && { signal: call.signal }),
        ...trace,
      },
    );
  }

  /** Watches the job and answers with its output. Resolves to the job's own error if it has failed. */
  async #follow(request: ToolRequest, jobId: string): Promise<SealwireError | undefined> {
    const { call, method, intent } = request;
    const { client, logger } = this.#options;
    logger.info({ tool: method.tool, request_id: intent.requestId, job_id: jobId }, "job accepted");
    call.sendMetadata(answerMetadata(intent.requestId, jobId));
    const job = client.job(jobId);
    try {
      const progress = new ProgressReports(call, method);
      for await (const snapshot of job.watch({ signal: call.signal })) await progress.report(snapshot);
    } catch (thrown) {
      if (intent.cancelOnAbandon && call.isAbandoned) await this.#cancel(job);
      throw thrown;
    }
    // The watch has received the outcome, so nothing is sent.
    const output = await job.result().catch((thrown) => SealwireError.from(thrown));
    if (output instanceof SealwireError) return output;
    this.#answer(request, output, jobId);
    return undefined;
  }

  async #cancel(job: JobHandle<ToolOutput>): Promise<void> {
    const { logger, timeoutMs } = this.#options;
    if (job.latest !== undefined && isTerminal(job.latest.state)) return;
    try {
      await job.cancel({ timeoutMs });
      logger.info({ job_id: job.jobId }, "job cancelled with its call");
    } catch (err) {
      logger.warn({ err, job_id: job.jobId }, "the job of an abandoned call could not be cancelled");
    }
  }

  async #watch({ call, method, intent, args }: ToolRequest, tool: "watch_job" | "watch_jobs"): Promise<void> {
    const signal = AbortSignal.any([call.signal, this.#options.drainSignal]);
    const watch = { tool, args: { typeUrl: method.inputType, value: args } };
    for await (const message of this.#options.client.watchEncoded(watch, { signal })) await call.send(message);
    call.finish(undefined, answerMetadata(intent.requestId));
  }

  #answer({ call, method, intent }: ToolRequest, { typeUrl, value }: ToolOutput, jobId?: string): void {
    if (typeUrl !== method.outputType) {
      throw new SealwireError("RESPONSE_INVALID", `The answer of ${method.tool} holds a ${typeUrl}.`);
    }
    const metadata = answerMetadata(intent.requestId, jobId);
    if (jobId === undefined) call.sendMetadata(metadata);
    call.finish(value, metadata);
  }
}

/** The messages with progress that a streaming job method sends before its output. */
class ProgressReports {
  readonly #call: NativeCall;
  readonly #field: number | undefined;
  #sent: Uint8Array = Buffer.alloc(0);

  constructor(call: NativeCall, { progress }: ToolMethod) {
    this.#call = call;
    this.#field = progress?.number;
  }

  /** Sends the progress of a state if there is any, and it differs from the last one sent. */
  async report({ progress, state }: JobSnapshot): Promise<void> {
    if (this.#field === undefined || progress === undefined || state !== "RUNNING") return;
    const { completed, total, message } = progress;
    const encoded = JobProgress.encode({
      completed: BigInt(completed),
      total: BigInt(total),
      message,
    }).finish();
    if (Buffer.compare(encoded, this.#sent) === 0) return;
    this.#sent = encoded;
    await this.#call.send(new BinaryWriter().tag(this.#field, WireType.LengthDelimited).bytes(encoded).finish());
  }
}

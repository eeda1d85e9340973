import type { JsonObject } from "@bufbuild/protobuf";
import type { ToolOutput } from "../../client/calls/tool-output.ts";
import type { SealwireClient } from "../../client/client.ts";
import type { JobHandle } from "../../client/jobs/job-handle.ts";
import { errorOfJob, type JobSnapshot } from "../../client/jobs/job-snapshot.ts";
import { SealwireError } from "../../errors.ts";
import { isTerminal } from "../../jobs/transitions.ts";
import type { Clock } from "../../runtime/clock.ts";
import { answerToFailure, type ToolAnswer } from "./answer.ts";
import type { BridgedTool } from "./bridged-tool.ts";
import type { ProgressReports } from "./progress.ts";
import type { ToolRegistry } from "./tool-registry.ts";
import { structured, toolResult } from "./tool-result.ts";

/** Options of {@link Jobs}. */
export interface JobsOptions {
  readonly client: SealwireClient;
  readonly registry: ToolRegistry;
  readonly clock: Clock;
  /** Ends all waits: the open jobs are the answers. */
  readonly drainSignal: AbortSignal;
  /** The name of the tool that waits for a job. */
  readonly waitTool: string;
}

/** A job of one of the bridged tools. */
export interface OwnJob {
  readonly job: JobSnapshot;
  readonly handle: JobHandle<ToolOutput>;
  readonly tool: BridgedTool;
}

/** How a host waits for a job. */
export interface Wait {
  /** `undefined`: until its end. */
  readonly ms: number | undefined;
  /** Aborts when the host has gone. */
  readonly signal: AbortSignal;
  readonly progress?: ProgressReports | undefined;
}

/** The jobs of the principal that its bridged tools started. Others are not visible. */
export class Jobs {
  readonly #options: JobsOptions;

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /** Finds a job. Throws JOB_NOT_FOUND, also for one of a tool that is not bridged. */
  async find(jobId: string, signal?: AbortSignal): Promise<OwnJob> {
    const handle = this.#options.client.job(jobId);
    const job = await handle.poll({ ...(signal && { signal }) });
    const tool = (await this.#options.registry.current()).byName.get(job.tool);
    if (tool === undefined) throw new SealwireError("JOB_NOT_FOUND", `There is no job ${jobId} of these tools.`);
    return { job, handle, tool };
  }

  /** The handle of a job that a call of `tool` has started. */
  started(job: JobSnapshot, tool: BridgedTool): OwnJob {
    return { job, handle: this.#options.client.job(job.jobId), tool };
  }

  /**
   * Waits for the end of a job. Resolves to its latest state, which is not the end if the time is up or the bridge
   * drains. Rejects with the signal's reason if the host has gone.
   */
  async wait({ job, handle }: OwnJob, { ms, signal, progress }: Wait): Promise<JobSnapshot> {
    if (isTerminal(job.state)) return job;
    const { clock, drainSignal } = this.#options;
    const timeUp = new AbortController();
    using _timer = ms === undefined ? undefined : clock.after(ms, () => timeUp.abort());
    const ends = AbortSignal.any([timeUp.signal, drainSignal, signal]);
    let latest = job;
    progress?.note(job);
    try {
      for await (const state of handle.watch({ signal: ends })) {
        latest = state;
        progress?.note(state);
      }
    } catch (thrown) {
      signal.throwIfAborted();
      if (!ends.aborted) throw thrown;
    }
    return latest;
  }

  /** The answer that a job is: its result or its failure if it is over, otherwise its state. */
  async answer({ job, handle, tool }: OwnJob): Promise<ToolAnswer> {
    if (!isTerminal(job.state)) return this.openJob(job);
    const error = errorOfJob(job);
    if (error !== undefined) return answerToFailure(error, "");
    return { kind: "result", result: toolResult(tool, await handle.result()) };
  }

  /** The answer that an open job is. `trouble`: why its end was not waited for. */
  openJob(job: JobSnapshot, trouble = "The job is not over."): ToolAnswer {
    const result = structured(jobJson(job));
    const advice = `${trouble} Call ${this.#options.waitTool} with this job_id; do not start it again.`;
    return { kind: "result", result: { ...result, content: [...result.content, { type: "text", text: advice }] } };
  }
}

/** A job for a model. */
export function jobJson({ jobId, state, progress }: JobSnapshot): JsonObject {
  return { job_id: jobId, state, ...(progress && { progress: { ...progress } }) };
}

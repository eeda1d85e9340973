import type { Any } from "../../../gen/google/protobuf/any.ts";
import { CancelJobResponse } from "../../../gen/sealwire/system/v1/cancel_job.ts";
import { PollJobResponse } from "../../../gen/sealwire/system/v1/poll_job.ts";
import { WatchJobResponse } from "../../../gen/sealwire/system/v1/watch_job.ts";
import type { Job } from "../../../gen/sealwire/v1/job.ts";
import type { JobAttempt } from "../../../gen/sealwire/v1/job_attempt.ts";
import { SealwireError } from "../../errors.ts";
import { isTerminal } from "../../jobs/transitions.ts";
import type { VerifiedResponse } from "../../signing/response/verify.ts";
import { statusOfJob } from "../../tools/job-message.ts";
import { decodeAs } from "../calls/tool-output.ts";
import { type JobSnapshot, readAttempt, readJob } from "./job-snapshot.ts";

/** The answer of poll_job, watch_job and cancel_job: the job, and its output if it has succeeded. */
export interface JobAnswer {
  readonly job: JobSnapshot;
  readonly output: Any | undefined;
}

/** The system tools that answer with a job. */
export type JobSystemTool = "poll_job" | "watch_job" | "cancel_job";

interface JobResponseCodec {
  decode(bytes: Uint8Array): { job: Job | undefined; output: Any | undefined; attempts?: JobAttempt[] };
}

const RESPONSES: Readonly<Record<JobSystemTool, { readonly type: string; readonly codec: JobResponseCodec }>> = {
  poll_job: { type: "sealwire.system.v1.PollJobResponse", codec: PollJobResponse },
  watch_job: { type: "sealwire.system.v1.WatchJobResponse", codec: WatchJobResponse },
  cancel_job: { type: "sealwire.system.v1.CancelJobResponse", codec: CancelJobResponse },
};

/**
 * Reads a verified answer about the requested job. Throws RESPONSE_INVALID if it is about another job, has another
 * type, or is inconsistent.
 */
export function readJobAnswer(tool: JobSystemTool, jobId: string, response: VerifiedResponse): JobAnswer {
  const { type, codec } = RESPONSES[tool];
  if (response.result === undefined) throw invalidResponse(`The answer of ${tool} holds no result.`);
  const { job: message, output, attempts } = decodeAs(response.result, type, (bytes) => codec.decode(bytes));
  if (message?.jobId !== jobId) throw invalidResponse(`Asked for job ${jobId}, ${tool} answers about another.`);
  const job = readJob(message);
  if (response.status !== statusOfJob(message)) {
    throw invalidResponse(`The answer's status ${response.status} does not fit job ${jobId} in state ${job.state}.`);
  }
  if ((job.state === "SUCCEEDED") !== (output !== undefined)) {
    throw invalidResponse(
      `Job ${jobId} in state ${job.state} comes ${output === undefined ? "without" : "with"} an output.`,
    );
  }
  if (attempts === undefined || attempts.length === 0) return { job, output };
  return { job: { ...job, attempts: attempts.map(readAttempt) }, output };
}

/**
 * Throws RESPONSE_INVALID if `next` cannot follow `known`: revisions never decrease and terminal states never change.
 */
export function checkSuccession(
  known: Pick<JobSnapshot, "revision" | "state"> | undefined,
  next: Pick<JobSnapshot, "jobId" | "revision" | "state">,
): void {
  if (known === undefined) return;
  if (next.revision < known.revision) {
    throw invalidResponse(`Job ${next.jobId} falls from revision ${known.revision} to ${next.revision}.`);
  }
  if (next.revision === known.revision && next.state !== known.state) {
    throw invalidResponse(`Job ${next.jobId} changes from ${known.state} to ${next.state} without a new revision.`);
  }
  if (next.revision > known.revision && isTerminal(known.state)) {
    throw invalidResponse(`Job ${next.jobId} goes on to revision ${next.revision} after it was ${known.state}.`);
  }
}

/** The error for a verified response that contradicts itself or an earlier one. */
export function invalidResponse(message: string): SealwireError {
  return new SealwireError("RESPONSE_INVALID", message);
}

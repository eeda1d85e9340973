import type { Any } from "../../gen/google/protobuf/any.ts";
import type { Job } from "../../gen/sealwire/v1/job.ts";
import { Status } from "../../gen/sealwire/v1/response.ts";
import { errorFromMessage } from "../wire/error-message.ts";
import type { Answer } from "./answer.ts";
import { statusOfJob } from "./job-message.ts";
import type { Tool } from "./tool.ts";

/** Encodes the output of a handler. */
export function encode(tool: Tool, output: unknown): Any {
  return { typeUrl: tool.outputTypeUrl, value: tool.encodeOutput(output) };
}

/** The answer of a system tool. If it is about a job, it has the job's status and error. */
export function systemAnswer(tool: Tool, output: unknown): Answer {
  const result = encode(tool, output);
  if (!hasJob(output)) return { status: Status.OK, result };
  const { job } = output;
  const status = statusOfJob(job);
  const failed = status === Status.ERROR || status === Status.CANCELLED;
  const error = failed && job.error !== undefined ? { error: errorFromMessage(job.error) } : {};
  return { status, result, ...error };
}

function hasJob(output: unknown): output is { job: Job } {
  return typeof output === "object" && output !== null && "job" in output && output.job !== undefined;
}

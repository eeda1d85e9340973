import { fromBinary, type JsonObject, toJson } from "@bufbuild/protobuf";
import { Job } from "../../../gen/sealwire/v1/job.ts";
import { JobAttempt as JobAttemptMessage } from "../../../gen/sealwire/v1/job_attempt.ts";
import type { ToolOutput } from "../../client/calls/tool-output.ts";
import type { SealwireClient } from "../../client/client.ts";
import type { JobAttempt, JobSnapshot } from "../../client/jobs/job-snapshot.ts";
import { toAttemptMessage } from "../../tools/attempt-message.ts";
import { toJobMessage } from "../../tools/job-message.ts";
import { anyJson } from "../../validation/lenient-json.ts";
import { builtinImage, messageDesc } from "../../wire/descriptors.ts";
import { detailsJson } from "./error-details.ts";
import { toJsonLine } from "./json-output.ts";

/**
 * The JSON of a job in every command: the ProtoJSON of `sealwire.system.v1.PollJobResponse` on one line. Values that
 * ProtoJSON cannot represent are written as by {@link ToolOutput.lenientJson}.
 */
export async function jobLine(client: SealwireClient, job: JobSnapshot, output?: ToolOutput): Promise<string> {
  return toJsonLine({
    job: await jobJson(client, job),
    ...(job.attempts && { attempts: job.attempts.map(attemptJson) }),
    ...(output && { output: anyJson(output, await output.lenientJson()) }),
  });
}

/** An attempt as the ProtoJSON of `sealwire.v1.JobAttempt`. */
function attemptJson(attempt: JobAttempt): JsonObject {
  const desc = messageDesc(builtinImage(), "sealwire.v1.JobAttempt");
  return toJson(desc, fromBinary(desc, JobAttemptMessage.encode(toAttemptMessage(attempt)).finish())) as JsonObject;
}

/** A job as the ProtoJSON of `sealwire.v1.Job`. */
async function jobJson(client: SealwireClient, job: JobSnapshot): Promise<JsonObject> {
  const desc = messageDesc(builtinImage(), "sealwire.v1.Job");
  // The details are added afterwards, because their types may be known to the server alone.
  const details = job.error?.details ?? [];
  const error = job.error && { ...job.error, details: [] };
  const bytes = Job.encode(toJobMessage({ ...job, error, owner: "" })).finish();
  const json = toJson(desc, fromBinary(desc, bytes)) as JsonObject;
  if (details.length === 0) return json;
  return { ...json, error: { ...(json.error as JsonObject), details: await detailsJson(client, details) } };
}

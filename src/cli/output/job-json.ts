import { fromBinary, type JsonObject, toJson } from "@bufbuild/protobuf";
import { Job } from "../../../gen/sealwire/v1/job.ts";
import { anyJson } from "../../client/calls/lenient-json.ts";
import type { ToolOutput } from "../../client/calls/tool-output.ts";
import type { JobSnapshot } from "../../client/jobs/job-snapshot.ts";
import { toJobMessage } from "../../tools/job-message.ts";
import { builtinImage, messageDesc } from "../../wire/descriptors.ts";
import { toJsonLine } from "./json-output.ts";

/**
 * What every command says of a job in JSON: the ProtoJSON of `sealwire.system.v1.PollJobResponse` on one line. What
 * ProtoJSON cannot hold stands in it as in {@link ToolOutput.lenientJson}.
 */
export async function jobLine(job: JobSnapshot, output?: ToolOutput): Promise<string> {
  return toJsonLine({
    job: jobJson(job),
    ...(output && { output: anyJson(output, await output.lenientJson()) }),
  });
}

/** A job as the ProtoJSON of `sealwire.v1.Job`. */
function jobJson(job: JobSnapshot): JsonObject {
  const desc = messageDesc(builtinImage(), "sealwire.v1.Job");
  const bytes = Job.encode(toJobMessage({ ...job, owner: "" })).finish();
  return toJson(desc, fromBinary(desc, bytes)) as JsonObject;
}

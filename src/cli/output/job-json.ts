import { fromBinary, type JsonObject, toJson } from "@bufbuild/protobuf";
import { Job } from "../../../gen/sealwire/v1/job.ts";
import { anyJson } from "../../client/calls/lenient-json.ts";
import type { ToolOutput } from "../../client/calls/tool-output.ts";
import type { JobSnapshot } from "../../client/jobs/job-snapshot.ts";
import { toJobMessage } from "../../tools/job-message.ts";
import { builtinImage, messageDesc } from "../../wire/descriptors.ts";
import { toJsonLine } from "./json-output.ts";

/**
 * The JSON of a job in every command: the ProtoJSON of `sealwire.system.v1.PollJobResponse` on one line. Values that
 * ProtoJSON cannot represent are written as by {@link ToolOutput.lenientJson}.
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

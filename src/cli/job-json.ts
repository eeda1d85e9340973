import { fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import { Job } from "../../gen/sealwire/v1/job.ts";
import type { JobSnapshot } from "../client/job-snapshot.ts";
import { toJobMessage } from "../tools/job-message.ts";
import { builtinImage, messageDesc } from "../wire/descriptors.ts";

/** A job as the ProtoJSON of `sealwire.v1.Job`. */
export function jobJson(job: JobSnapshot): JsonValue {
  const desc = messageDesc(builtinImage(), "sealwire.v1.Job");
  const bytes = Job.encode(toJobMessage({ ...job, owner: "" })).finish();
  return toJson(desc, fromBinary(desc, bytes));
}

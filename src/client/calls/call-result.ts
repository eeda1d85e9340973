import { Status } from "../../../gen/sealwire/v1/response.ts";
import { SealwireError } from "../../errors.ts";
import type { VerifiedResponse } from "../../signing/response/verify.ts";
import { errorFromMessage } from "../../wire/error-message.ts";
import type { ContractSource } from "../contracts/contract-source.ts";
import { errorOfJob, type JobSnapshot, readJob } from "../jobs/job-snapshot.ts";
import { ToolOutput } from "./tool-output.ts";

/** The outcome that an answer reports. */
export type CallStatus = "OK" | "ACCEPTED" | "RUNNING" | "DONE" | "ERROR" | "CANCELLED";

/** A verified answer to a call. */
export interface CallResult {
  readonly status: CallStatus;
  /** True for OK, ACCEPTED, RUNNING and DONE. */
  readonly ok: boolean;
  /** The tool's response; `undefined` where there is none, as in ACCEPTED. */
  readonly output: ToolOutput | undefined;
  /** The bytes of `output`, exactly as signed. */
  readonly outputBytes: Uint8Array | undefined;
  /** The job that a job tool's call started, or had started before. */
  readonly job: JobSnapshot | undefined;
  /** What went wrong; set if not `ok`. */
  readonly error: SealwireError | undefined;
  /** Names the intent; repeat a call under it to get the same outcome. */
  readonly requestId: string;
  /** When the server signed the answer, by its own clock, Unix milliseconds. */
  readonly serverTimeMs: number;
}

const STATUS_NAMES = new Map<number, CallStatus>([
  [Status.OK, "OK"],
  [Status.ACCEPTED, "ACCEPTED"],
  [Status.RUNNING, "RUNNING"],
  [Status.DONE, "DONE"],
  [Status.ERROR, "ERROR"],
  [Status.CANCELLED, "CANCELLED"],
]);

/** Reads a verified Response. Throws RESPONSE_INVALID if it says what no server of this protocol says. */
export function readResult(response: VerifiedResponse, contracts: ContractSource): CallResult {
  const status = STATUS_NAMES.get(response.status);
  if (status === undefined) {
    throw new SealwireError("RESPONSE_INVALID", `The answer has the status ${response.status}, which there is not.`);
  }
  const { ok, requestId, result } = response;
  const output = result && new ToolOutput(result, contracts);
  const job = response.job && readJob(response.job);
  return {
    status,
    ok,
    output,
    outputBytes: output?.value,
    job,
    error: ok ? undefined : errorOf(response, job),
    requestId,
    serverTimeMs: Number(response.tsMs),
  };
}

function errorOf({ error, requestId }: VerifiedResponse, job: JobSnapshot | undefined): SealwireError {
  if (error !== undefined) return errorFromMessage(error);
  const jobError = job && errorOfJob(job);
  return jobError ?? new SealwireError("INTERNAL", `Request ${requestId} failed and the server does not say why.`);
}

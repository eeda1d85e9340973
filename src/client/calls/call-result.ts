import { Status } from "../../../gen/sealwire/v1/response.ts";
import { SealwireError } from "../../errors.ts";
import type { VerifiedResponse } from "../../signing/response/verify.ts";
import { errorFromMessage } from "../../wire/error-message.ts";
import type { ContractSource } from "../contracts/contract-source.ts";
import { errorOfJob, type JobSnapshot, readJob } from "../jobs/job-snapshot.ts";
import { ToolOutput } from "./tool-output.ts";

/** The status of an answer. */
export type CallStatus = "OK" | "ACCEPTED" | "RUNNING" | "DONE" | "ERROR" | "CANCELLED";

/** A verified answer to a call. */
export interface CallResult {
  readonly status: CallStatus;
  /** True for OK, ACCEPTED, RUNNING and DONE. */
  readonly ok: boolean;
  /** The tool's response; `undefined` if there is none, as in ACCEPTED. */
  readonly output: ToolOutput | undefined;
  /** The bytes of `output`, exactly as signed. */
  readonly outputBytes: Uint8Array | undefined;
  /** The job that the call of a job tool started, now or in an earlier attempt. */
  readonly job: JobSnapshot | undefined;
  /** The error; set if not `ok`. */
  readonly error: SealwireError | undefined;
  /** Identifies the intent. A call that is repeated with the same id gets the same outcome. */
  readonly requestId: string;
  /** Time at which the server signed the answer, by its own clock, in Unix milliseconds. */
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

/** Reads a verified Response. Throws RESPONSE_INVALID if its status or its job is unknown to this protocol. */
export function readResult(response: VerifiedResponse, contracts: ContractSource): CallResult {
  const status = STATUS_NAMES.get(response.status);
  if (status === undefined) {
    throw new SealwireError("RESPONSE_INVALID", `The answer has the unknown status ${response.status}.`);
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

import type { Any } from "../../gen/google/protobuf/any.ts";
import { type Response, Status } from "../../gen/sealwire/v1/response.ts";
import type { Reason, SealwireError } from "../errors.ts";
import type { JobView } from "../jobs/job.ts";
import { errorToMessage } from "../wire/error-message.ts";
import { PROTOCOL_VERSION } from "../wire/limits.ts";
import { toJobMessage } from "./job-message.ts";
import type { Effect } from "./unsettled.ts";

/** The part of a Response that a tool determines. The server adds ids, time and sequence. */
export interface Answer {
  readonly status: Status;
  readonly result?: Any;
  readonly error?: SealwireError;
  readonly job?: JobView;
  /** Set if the answer is not the outcome of its intent, which may run again. */
  readonly effect?: Effect;
}

/** The fields of a Response that the server adds to an {@link Answer}. */
export interface AnswerContext {
  readonly requestId: string;
  readonly serverId: string;
  readonly nowMs: number;
  /** 0 in a unary response; 1, 2, 3 and so on in a stream. */
  readonly sequence: number;
}

/** True for the statuses of a successful or unfinished call. */
export function isOk(status: Status): boolean {
  return status === Status.OK || status === Status.ACCEPTED || status === Status.RUNNING || status === Status.DONE;
}

/** Makes the Response of an answer, which is then signed and sent. */
export function toResponse(answer: Answer, context: AnswerContext): Response {
  return {
    v: PROTOCOL_VERSION,
    requestId: context.requestId,
    tsMs: BigInt(context.nowMs),
    ok: isOk(answer.status),
    serverId: context.serverId,
    status: answer.status,
    result: answer.result,
    error: answer.error && errorToMessage(answer.error),
    job: answer.job && toJobMessage(answer.job),
    sequence: BigInt(context.sequence),
  };
}

/** Reasons that only a tool that ran can report. */
const FROM_TOOLS: ReadonlySet<Reason> = new Set(["TOOL_FAILED", "RESULT_TOO_LARGE", "INTERNAL"]);

/** True if the call counts as refused (docs/protocol.md, Errors): its tool did not run, or its end is not known. */
export function isRefusal(answer: Answer): answer is Answer & { readonly error: SealwireError } {
  const { effect, error } = answer;
  return effect !== undefined && error !== undefined && !FROM_TOOLS.has(error.reason);
}

/** The answer of a refused call or a failed tool. */
export function failure(error: SealwireError): Answer {
  return { status: Status.ERROR, error };
}

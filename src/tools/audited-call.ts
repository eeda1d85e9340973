import { createHash } from "node:crypto";
import { Status } from "../../gen/sealwire/v1/response.ts";
import type { AuditEvent, AuditOutcome, AuditTrail } from "../audit/event.ts";
import { SealwireError } from "../errors.ts";
import type { JobHandler } from "../jobs/engine.ts";
import { HandBackError } from "../jobs/hand-back.ts";
import { traceIdOf } from "../wire/traceparent.ts";
import { type Answer, isOk } from "./answer.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Invocation } from "./invocation.ts";
import type { Tool } from "./tool.ts";

const RETRY_MS = 1000;
/** Reasons of a store that may have accepted a job, or cancelled one, although it did not say so. */
const UNCERTAIN: ReadonlySet<string> = new Set(["UNAVAILABLE", "INTERNAL"]);

/** What is called. */
export interface AuditedRequest extends Pick<Invocation, "request"> {
  readonly tool: Tool;
  /** The decoded arguments of a system tool, which may name a job; of no other tool. */
  readonly input: unknown;
}

/** A call whose begin and end are in the audit log. */
export class AuditedCall {
  readonly #trail: AuditTrail;
  readonly #request: Invocation["request"];
  readonly #event: Omit<AuditEvent, "action" | "outcome">;

  private constructor(trail: AuditTrail, { tool, input, request }: AuditedRequest) {
    const { envelope, key, peer, trace } = request;
    this.#trail = trail;
    this.#request = request;
    const jobId = namedJob(input);
    this.#event = {
      client: envelope.clientId,
      keyId: key.keyId,
      target: { type: "tool", id: tool.name },
      source: peer,
      requestId: envelope.requestId,
      ...(jobId !== undefined && { jobId }),
      ...(trace !== undefined && { traceId: trace }),
      argsSha256: sha256(envelope.args.value),
    };
  }

  /**
   * `undefined` for a call that needs no line: its tool has no side effects, or there is no audit log. The effects of the
   * operator's tools are recorded by the functions behind them, for every surface. `catalogue`: where the tool was found.
   */
  static of(
    trail: AuditTrail | undefined,
    { catalogue, ...call }: AuditedRequest & { readonly catalogue: Catalogue },
  ): AuditedCall | undefined {
    if (trail === undefined) return undefined;
    const { tool } = call;
    if ((tool.description.readOnly && tool.policy === undefined) || catalogue.isOperatorTool(tool)) return undefined;
    return new AuditedCall(trail, call);
  }

  /** Records the begin, then the end of `run`, which is not called if the begin cannot be recorded. */
  async record(run: () => Promise<Answer>): Promise<Answer> {
    await this.begin();
    try {
      const answer = await run();
      this.end(answer);
      return answer;
    } catch (thrown) {
      const { reason } = SealwireError.from(thrown);
      this.#note("call.end", { outcome: UNCERTAIN.has(reason) ? "unknown" : "refused", reason });
      throw thrown;
    }
  }

  /** Records that the call begins. Throws UNAVAILABLE, and the call must not begin. */
  async begin(): Promise<void> {
    await this.#trail.begin({ ...this.#event, action: "call.begin", outcome: "begun" });
    this.#request.isAudited = true;
  }

  /** Records how the tool ended. */
  end(answer: Answer): void {
    this.#note("call.end", endOf(answer));
  }

  /** Records that a call was answered with the recorded outcome of an earlier one. */
  repeat(answer: Answer): void {
    this.#note("call.repeat", endOf(answer));
  }

  #note(action: AuditEvent["action"], end: Pick<AuditEvent, "outcome" | "reason" | "jobId">): void {
    this.#request.isAudited = true;
    this.#trail.note({ ...this.#event, ...end, action });
  }
}

/** A handler of a job tool whose attempts begin once the audit log has their line. */
export function auditedJob(trail: AuditTrail | undefined, handler: JobHandler): JobHandler {
  if (trail === undefined) return handler;
  return async (run) => {
    try {
      await trail.begin({
        action: "job.start",
        outcome: "begun",
        client: run.owner,
        target: { type: "tool", id: run.tool },
        requestId: run.requestId,
        jobId: run.jobId,
        attempt: run.attempt,
        ...(run.traceparent !== undefined && { traceId: traceIdOf(run.traceparent) }),
        argsSha256: sha256(run.args),
      });
    } catch (thrown) {
      const { message, retryDelayMs = RETRY_MS } = SealwireError.from(thrown);
      throw new HandBackError(message, { began: false, delayMs: retryDelayMs });
    }
    return await handler(run);
  };
}

/** The job that the call of a system tool names, such as one to be cancelled. */
function namedJob(input: unknown): string | undefined {
  const { jobId } = (input ?? {}) as { readonly jobId?: unknown };
  return typeof jobId === "string" && jobId !== "" ? jobId : undefined;
}

function endOf(answer: Answer): Pick<AuditEvent, "outcome" | "reason" | "jobId"> {
  const { error, job } = answer;
  return {
    outcome: outcomeOf(answer),
    ...(error !== undefined && { reason: error.reason }),
    ...(job !== undefined && { jobId: job.jobId }),
  };
}

function outcomeOf({ status, effect }: Answer): AuditOutcome {
  if (effect !== undefined) return effect === "none" ? "refused" : "unknown";
  if (status === Status.ACCEPTED) return "accepted";
  return isOk(status) ? "succeeded" : "failed";
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

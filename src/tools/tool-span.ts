import { type Attributes, SpanKind } from "@opentelemetry/api";
import { SealwireError } from "../errors.ts";
import type { JobRun, SubmitSpec } from "../jobs/engine.ts";
import { HandBackError } from "../jobs/hand-back.ts";
import { ATTEMPT, CALL_ID, CLIENT_ID, JOB_ID, KEY_ID, OPERATION, TOOL } from "../tracing/attributes.ts";
import type { OpenSpan } from "../tracing/open-span.ts";
import type { CallerTrace, Tracing } from "../tracing/tracing.ts";
import { isTraceparent, traceIdOf } from "../wire/traceparent.ts";
import type { Answer } from "./answer.ts";
import type { CallContext, VerifiedRequest } from "./invocation.ts";

const EXECUTE_TOOL = "execute_tool";

/** Runs the tool of a call in a span below `call`, whose trace the handler continues. */
export async function traceTool(
  call: OpenSpan,
  {
    tool,
    context,
    key,
  }: { readonly tool: string; readonly context: CallContext; readonly key: { readonly keyId: string } },
  body: () => Promise<Answer>,
): Promise<Answer> {
  if (!call.isRecording) {
    context.trace = call;
    return call.run(body);
  }
  const { clientId, requestId } = context;
  const span = call.startChild({
    name: `${EXECUTE_TOOL} ${tool}`,
    kind: SpanKind.INTERNAL,
    attributes: { ...toolAttributes(tool, { clientId, requestId }), [KEY_ID]: key.keyId },
  });
  context.trace = span;
  const answer = await span.run(body);
  span.end(answer.error?.reason);
  return answer;
}

/** Starts the span in which the job of a call is submitted: that of the call if it is not recorded. */
export function startSubmission({ envelope, key, span: call }: VerifiedRequest): OpenSpan | undefined {
  if (call === undefined || !call.isRecording) return call;
  return call.startChild({
    name: `submit_job ${envelope.tool}`,
    kind: SpanKind.PRODUCER,
    attributes: { ...toolAttributes(envelope.tool, envelope), [KEY_ID]: key.keyId },
  });
}

/** Ends the span of {@link startSubmission} with the submission. */
export async function endSubmission<T extends { readonly job: { readonly jobId: string } }>(
  span: OpenSpan,
  submission: Promise<T>,
): Promise<T> {
  if (!span.isRecording) return submission;
  try {
    const submitted = await submission;
    span.add({ [JOB_ID]: submitted.job.jobId });
    span.end();
    return submitted;
  } catch (thrown) {
    span.end(SealwireError.from(thrown).reason);
    throw thrown;
  }
}

/** The trace context of a span, or of a request without one. */
export function traceOf({ traceparent, tracestate }: CallerTrace): Pick<SubmitSpec, "traceparent" | "tracestate"> {
  return { ...(traceparent !== undefined && { traceparent }), ...(tracestate !== undefined && { tracestate }) };
}

/** Runs an attempt of a job in a span, which `body` gets. */
export async function traceAttempt<T>(
  tracing: Tracing | undefined,
  { tool, run }: { readonly tool: string; readonly run: JobRun },
  body: (span: OpenSpan | undefined) => Promise<T>,
): Promise<T> {
  const { owner, requestId, jobId, attempt, signal } = run;
  const attributes = { ...toolAttributes(tool, { clientId: owner, requestId }), [JOB_ID]: jobId, [ATTEMPT]: attempt };
  const span = tracing?.startAttempt({ name: `${EXECUTE_TOOL} ${tool}`, attributes }, run);
  if (span === undefined) return body(undefined);
  try {
    const result = await span.run(() => body(span));
    span.end();
    return result;
  } catch (thrown) {
    // A job that returns to the queue has not failed.
    if (thrown instanceof HandBackError) span.end();
    else span.end(SealwireError.from(signal.aborted ? signal.reason : thrown).reason);
    throw thrown;
  }
}

/** The trace of an attempt in its log lines: that of its span, and without spans that of the call. */
export function attemptTrace(
  span: OpenSpan | undefined,
  { traceparent = "" }: CallerTrace,
): { readonly trace_id?: string; readonly span_id?: string } {
  if (span !== undefined) return { trace_id: span.traceId, span_id: span.spanId };
  return isTraceparent(traceparent) ? { trace_id: traceIdOf(traceparent) } : {};
}

function toolAttributes(
  tool: string,
  { clientId, requestId }: { readonly clientId: string; readonly requestId: string },
): Attributes {
  return { [OPERATION]: EXECUTE_TOOL, [TOOL]: tool, [CALL_ID]: requestId, [CLIENT_ID]: clientId };
}

import { type Context, context as contexts, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import { SealwireError } from "../../errors.ts";
import type { VerifiedResponse } from "../../signing/response/verify.ts";
import { CALL_ID, RPC_STATUS, rpcAttributes, SERVER_ADDRESS, TOOL } from "../../tracing/attributes.ts";
import { OpenSpan } from "../../tracing/open-span.ts";
import { registeredTracer } from "../../tracing/registered-tracer.ts";
import { readSpanContext } from "../../tracing/trace-context.ts";
import { errorFromMessage } from "../../wire/error-message.ts";
import type { Connection } from "../connection.ts";

/** What a client calls. */
export interface SpannedCall {
  readonly tool: string;
  readonly requestId: string;
  /** The parent; `undefined`: the span that is active. */
  readonly traceparent?: string | undefined;
  /** W3C tracestate that belongs to `traceparent`. */
  readonly tracestate?: string | undefined;
}

/**
 * Starts the span of a call or watch, which lasts over all its attempts. `path`: gRPC path. Returns `undefined` if no
 * OpenTelemetry provider is registered, or the client takes no part in traces.
 */
export function startClientSpan(
  { options }: Connection,
  path: string,
  { tool, requestId, traceparent, tracestate }: SpannedCall,
): OpenSpan | undefined {
  const tracer = options.tracing ? registeredTracer() : undefined;
  if (tracer === undefined) return undefined;
  const { serverHost } = options;
  return OpenSpan.start(tracer, {
    name: path.slice(1),
    kind: SpanKind.CLIENT,
    attributes: {
      ...rpcAttributes(path),
      ...(serverHost !== undefined && { [SERVER_ADDRESS]: serverHost }),
      [TOOL]: tool,
      [CALL_ID]: requestId,
    },
    parent: traceparent === undefined ? contexts.active() : within(traceparent, tracestate),
  });
}

/** Ends the span of a call with its verified answer, or with the error that it throws. */
export async function endClientSpan(span: OpenSpan, call: Promise<VerifiedResponse>): Promise<VerifiedResponse> {
  try {
    const response = await call;
    span.add({ [RPC_STATUS]: "OK" });
    span.end(response.error && errorFromMessage(response.error).reason);
    return response;
  } catch (thrown) {
    failClientSpan(span, thrown);
    throw thrown;
  }
}

/** Ends the span of a call that has no answer. */
export function failClientSpan(span: OpenSpan, thrown: unknown): void {
  const { reason, status } = SealwireError.from(thrown);
  span.add({ [RPC_STATUS]: status });
  span.end(reason);
}

function within(traceparent: string, tracestate: string | undefined): Context {
  return trace.setSpanContext(ROOT_CONTEXT, readSpanContext(traceparent, tracestate));
}

import { context as contexts, SpanKind } from "@opentelemetry/api";
import { RPC_STATUS, rpcAttributes, UPSTREAM } from "../tracing/attributes.ts";
import { OpenSpan } from "../tracing/open-span.ts";
import { registeredTracer } from "../tracing/registered-tracer.ts";
import { statusName } from "../wire/error-message.ts";

/** Starts the span of a call to an upstream, below the active one; `undefined` without tracing. `path`: gRPC path. */
export function startUpstreamSpan(path: string, upstream: string): OpenSpan | undefined {
  const tracer = registeredTracer();
  if (tracer === undefined) return undefined;
  const attributes = { ...rpcAttributes(path), [UPSTREAM]: upstream };
  return OpenSpan.start(tracer, { name: path.slice(1), kind: SpanKind.CLIENT, attributes, parent: contexts.active() });
}

/** Ends the span with the gRPC status code of the call, which is 0 if it succeeded. */
export function endUpstreamSpan(span: OpenSpan, code: number): void {
  const status = code === 0 ? "OK" : statusName(code);
  span.add({ [RPC_STATUS]: status });
  span.end(code === 0 ? undefined : status);
}

import { Metadata } from "@grpc/grpc-js";
import type { ToolContext } from "../tools/handler.ts";
import type { OpenSpan } from "../tracing/open-span.ts";
import { isTraceparent } from "../wire/traceparent.ts";

/** What an upstream is told about a run, besides the {@link ToolContext}. */
export interface RunIdentity {
  readonly tool: string;
  readonly serverId: string;
  /** A signed token, if the upstream gets one. */
  readonly assertion: string | undefined;
  /** The span of the call; `undefined`: the trace context of the run is passed on. */
  readonly span: OpenSpan | undefined;
}

/**
 * The metadata of a call to an upstream (docs/upstreams.md). Nothing of it comes from the caller's own metadata but a
 * well-formed trace context.
 */
export function metadataOf(context: ToolContext, { tool, serverId, assertion, span }: RunIdentity): Metadata {
  const metadata = new Metadata();
  metadata.set("sealwire-client-id", context.clientId);
  metadata.set("sealwire-request-id", context.requestId);
  metadata.set("sealwire-tool", tool);
  metadata.set("sealwire-server-id", serverId);
  metadata.set("sealwire-attempt", String(context.attempt));
  metadata.set("sealwire-idempotency-key", context.idempotencyKey);
  if (context.jobId !== undefined) metadata.set("sealwire-job-id", context.jobId);
  if (assertion !== undefined) metadata.set("sealwire-assertion", assertion);
  const { traceparent, tracestate } = span ?? context;
  if (traceparent === undefined || !isTraceparent(traceparent)) return metadata;
  metadata.set("traceparent", traceparent);
  if (tracestate !== undefined) metadata.set("tracestate", tracestate);
  return metadata;
}

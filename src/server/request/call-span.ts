import { status as Status } from "@grpc/grpc-js";
import { CLIENT_ID, ERROR_TYPE, KEY_ID, RPC_STATUS, TOOL } from "../../tracing/attributes.ts";
import type { OpenSpan } from "../../tracing/open-span.ts";
import { statusName } from "../../wire/error-message.ts";
import type { CallRecord } from "./access-log.ts";

/** The statuses that are faults of the server, by OpenTelemetry's conventions for gRPC. */
const FAULTS: ReadonlySet<number> = new Set([
  Status.UNKNOWN,
  Status.DEADLINE_EXCEEDED,
  Status.UNIMPLEMENTED,
  Status.INTERNAL,
  Status.UNAVAILABLE,
  Status.DATA_LOSS,
]);

/**
 * Ends the span of a call. It is failed if the server is at fault, or if the tool or the job has failed, which gRPC
 * reports as OK. A refusal for which the caller is responsible has its reason, but is not failed.
 */
export function endCallSpan(span: OpenSpan, record: CallRecord, code: number): void {
  const { tool, client, keyId, reason } = record;
  if (!span.isRecording) return;
  span.add({
    [RPC_STATUS]: code === Status.OK ? "OK" : statusName(code),
    ...(tool !== undefined && { [TOOL]: tool }),
    ...(client !== undefined && { [CLIENT_ID]: client }),
    ...(keyId !== undefined && { [KEY_ID]: keyId }),
    ...(reason !== "" && { [ERROR_TYPE]: reason }),
  });
  const isFailed = FAULTS.has(code) || (code === Status.OK && reason !== "");
  span.end(isFailed ? reason || statusName(code) : undefined);
}

import { status } from "@grpc/grpc-js";
import {
  HealthCheckRequest,
  HealthCheckResponse,
  healthCheckResponse_ServingStatusToJSON,
} from "../../../gen/grpc/health/v1/health.ts";
import { SealwireError } from "../../errors.ts";
import { cutText, statusName } from "../../wire/error-message.ts";
import { Deadline } from "../calls/deadline.ts";
import type { Connection, OperationOptions } from "../connection.ts";
import { checkTimeoutMs } from "../options.ts";

/** The answer of a health service: "SERVING", "NOT_SERVING", "UNKNOWN" or "SERVICE_UNKNOWN". */
export type ServingStatus = string;

/** The gRPC path of a health check. */
export const CHECK_METHOD = "/grpc.health.v1.Health/Check";

/**
 * Sends one request to the standard gRPC health service. Request and answer are not signed, so anyone on the network
 * path can forge them. Throws UNREACHABLE if no answer was received, RESPONSE_UNVERIFIED with the status of another
 * failure.
 */
export async function checkHealth(
  { options, transport, operations }: Connection,
  service: string,
  { signal, timeoutMs }: OperationOptions,
): Promise<ServingStatus> {
  const limitMs = timeoutMs === undefined ? options.timeoutMs : checkTimeoutMs(timeoutMs);
  using deadline = new Deadline({
    clock: options.clock,
    timeoutMs: limitMs,
    operations,
    signal,
    describe: () => `No answer from the health service within ${limitMs} ms.`,
  });
  deadline.throwIfEnded();
  const reply = await transport.unary({
    path: CHECK_METHOD,
    message: Buffer.from(HealthCheckRequest.encode({ service }).finish()),
    timeoutMs: limitMs,
    signal: deadline.signal,
    traceparent: undefined,
  });
  deadline.throwIfEnded();
  const { code, details } = reply.status;
  if (code === status.NOT_FOUND) return "SERVICE_UNKNOWN";
  if (code !== status.OK || reply.message === undefined) {
    const reason = code === status.UNAVAILABLE ? "UNREACHABLE" : "RESPONSE_UNVERIFIED";
    const said = `${statusName(code)}: ${cutText(details, 200)}`;
    throw new SealwireError(reason, `The health service does not answer (${said}).`, { status: statusName(code) });
  }
  try {
    return healthCheckResponse_ServingStatusToJSON(HealthCheckResponse.decode(reply.message).status);
  } catch (cause) {
    throw new SealwireError("RESPONSE_UNVERIFIED", "The answer of the health service cannot be decoded.", { cause });
  }
}

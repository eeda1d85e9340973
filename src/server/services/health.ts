import { type Server, type ServerWritableStream, status as Status } from "@grpc/grpc-js";
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  type HealthServer,
  HealthService,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../../gen/grpc/health/v1/health.ts";

/** Health of this server under its standard names. */
export interface Health {
  /** Whether it says SERVING. */
  readonly serving: boolean;
  /** Says SERVING or NOT_SERVING for every service. Once it was stopped, nothing changes any more. */
  setServing(serving: boolean): void;
  /** Says NOT_SERVING for good. */
  stop(): void;
}

/** Serves grpc.health.v1.Health: "" stands for the server, each other name for one service. */
export function addHealth(server: Server, services: readonly string[]): Health {
  const names = ["", ...services];
  const watches = new Set<ServerWritableStream<HealthCheckRequest, HealthCheckResponse>>();
  let status: ServingStatus = ServingStatus.SERVING;
  const service: HealthServer = {
    check({ request: { service } }, callback) {
      if (names.includes(service)) callback(null, { status });
      else callback({ code: Status.NOT_FOUND, details: "There is no such service." });
    },
    list(_call, callback) {
      callback(null, { statuses: Object.fromEntries(names.map((name) => [name, { status }])) });
    },
    watch(stream) {
      stream.on("error", () => {});
      if (!names.includes(stream.request.service)) {
        stream.write({ status: ServingStatus.SERVICE_UNKNOWN });
        return;
      }
      stream.write({ status });
      watches.add(stream);
      stream.once("cancelled", () => watches.delete(stream));
    },
  };
  server.addService(HealthService, service);
  let stopped = false;
  const setServing = (serving: boolean): void => {
    const next = serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
    if (stopped || next === status) return;
    status = next;
    for (const stream of watches) stream.write({ status });
  };
  return {
    get serving() {
      return status === ServingStatus.SERVING;
    },
    setServing,
    stop() {
      setServing(false);
      stopped = true;
    },
  };
}

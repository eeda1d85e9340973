import { type Server, status as Status } from "@grpc/grpc-js";
import {
  type HealthCheckResponse,
  type HealthServer,
  HealthService,
  healthCheckResponse_ServingStatusFromJSON,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../gen/grpc/health/v1/health.ts";
import type { SealwireClient } from "../client/client.ts";
import type { ContractCache } from "../client/native/contract-cache.ts";
import { SealwireError } from "../errors.ts";
import { type Clock, sleep } from "../runtime/clock.ts";

/** Options of {@link addHealth}. */
export interface ProxiedHealthOptions {
  readonly client: SealwireClient;
  readonly contracts: ContractCache;
  /** Aborts when the proxy drains. Every service is then NOT_SERVING. */
  readonly drainSignal: AbortSignal;
  readonly clock: Clock;
}

/** Time limit of a question to the server. */
const ASK_TIMEOUT_MS = 5_000;
/** Interval of the questions of a health watch. */
const WATCH_INTERVAL_MS = 5_000;

/** Serves grpc.health.v1.Health with the server's own health. A server that cannot be reached is NOT_SERVING. */
export function addHealth(server: Server, options: ProxiedHealthOptions): void {
  server.addService(HealthService, healthService(options));
}

function healthService({ client, contracts, drainSignal, clock }: ProxiedHealthOptions): HealthServer {
  const ask = async (service: string): Promise<ServingStatus> => {
    if (drainSignal.aborted) return ServingStatus.NOT_SERVING;
    try {
      return healthCheckResponse_ServingStatusFromJSON(await client.health(service, { timeoutMs: ASK_TIMEOUT_MS }));
    } catch (thrown) {
      const { reason } = SealwireError.from(thrown);
      const isAway = reason === "UNREACHABLE" || reason === "DEADLINE_EXCEEDED";
      return isAway ? ServingStatus.NOT_SERVING : ServingStatus.UNKNOWN;
    }
  };
  return {
    async check({ request: { service } }, callback) {
      const status = await ask(service);
      if (status === ServingStatus.SERVICE_UNKNOWN)
        callback({ code: Status.NOT_FOUND, details: "The server has no such service." });
      else callback(null, { status });
    },

    async list(_call, callback) {
      const services = await contracts.current().then(
        (contract) => contract.services,
        () => [],
      );
      const asked = ["", ...services].map(async (name): Promise<[string, HealthCheckResponse]> => {
        return [name, { status: await ask(name) }];
      });
      const known = (await Promise.all(asked)).filter(([, { status }]) => status !== ServingStatus.SERVICE_UNKNOWN);
      callback(null, { statuses: Object.fromEntries(known) });
    },

    async watch(stream) {
      const ended = new AbortController();
      const { service } = stream.request;
      stream.on("error", () => {});
      stream.once("cancelled", () => ended.abort());
      const signal = AbortSignal.any([ended.signal, drainSignal]);
      let told: ServingStatus | undefined;
      while (!ended.signal.aborted) {
        const status = await ask(service);
        if (status !== told) stream.write({ status });
        told = status;
        if (drainSignal.aborted) break;
        await sleep(clock, WATCH_INTERVAL_MS, signal).catch(() => {});
      }
      stream.end();
    },
  };
}

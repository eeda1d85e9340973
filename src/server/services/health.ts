import { type Server, type ServerWritableStream, status as Status } from "@grpc/grpc-js";
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  type HealthServer,
  HealthService,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../../gen/grpc/health/v1/health.ts";

/** The full name of the service. */
export const HEALTH_SERVICE = "grpc.health.v1.Health";

/** The health of this server under its standard names: "" for the server, every other name for one service. */
export class Health {
  readonly #names: readonly string[];
  readonly #watches = new Set<ServerWritableStream<HealthCheckRequest, HealthCheckResponse>>();
  #status: ServingStatus = ServingStatus.SERVING;
  #stopped = false;

  constructor(services: readonly string[]) {
    this.#names = ["", ...services];
  }

  /** Serves grpc.health.v1.Health. */
  addTo(server: Server): void {
    server.addService(HealthService, this.#service());
  }

  /** True while the health is SERVING. */
  get serving(): boolean {
    return this.#status === ServingStatus.SERVING;
  }

  /** Sets SERVING or NOT_SERVING for all services. Does nothing after {@link stop}. */
  setServing(serving: boolean): void {
    const next = serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
    if (this.#stopped || next === this.#status) return;
    this.#status = next;
    for (const stream of this.#watches) stream.write({ status: next });
  }

  /** Sets NOT_SERVING permanently. */
  stop(): void {
    this.setServing(false);
    this.#stopped = true;
  }

  #service(): HealthServer {
    return {
      check: ({ request: { service } }, callback) => {
        if (this.#names.includes(service)) callback(null, { status: this.#status });
        else callback({ code: Status.NOT_FOUND, details: "There is no such service." });
      },
      list: (_call, callback) => {
        callback(null, { statuses: Object.fromEntries(this.#names.map((name) => [name, { status: this.#status }])) });
      },
      watch: (stream) => {
        stream.on("error", () => {});
        if (!this.#names.includes(stream.request.service)) {
          stream.write({ status: ServingStatus.SERVICE_UNKNOWN });
          return;
        }
        stream.write({ status: this.#status });
        this.#watches.add(stream);
        stream.once("cancelled", () => this.#watches.delete(stream));
      },
    };
  }
}

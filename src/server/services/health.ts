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

/**
 * The health of this server under its standard names: "" for the server, every other name for one service. No service is
 * serving while the server is not.
 */
export class Health {
  readonly #own: readonly string[];
  #services: ReadonlyMap<string, boolean>;
  readonly #watches = new Map<ServerWritableStream<HealthCheckRequest, HealthCheckResponse>, ServingStatus>();
  #serving = true;
  #stopped = false;

  constructor(services: readonly string[]) {
    this.#own = ["", ...services];
    this.#services = new Map(this.#own.map((name) => [name, true]));
  }

  /** Serves grpc.health.v1.Health. */
  addTo(server: Server): void {
    server.addService(HealthService, this.#service());
  }

  /** True while the health is SERVING. */
  get serving(): boolean {
    return this.#serving;
  }

  /** Sets SERVING or NOT_SERVING for the server. Does nothing after {@link stop}. */
  setServing(serving: boolean): void {
    if (this.#stopped) return;
    this.#serving = serving;
    this.#tell();
  }

  /** Replaces the services besides those that it was created with, and sets SERVING or NOT_SERVING for each. */
  setServices(services: ReadonlyMap<string, boolean>): void {
    this.#services = new Map([...this.#own.map((name): [string, boolean] => [name, true]), ...services]);
    this.#tell();
  }

  /** Sets NOT_SERVING permanently. */
  stop(): void {
    this.setServing(false);
    this.#stopped = true;
  }

  /** The status of a service; `undefined` if there is none of this name. */
  #statusOf(name: string): ServingStatus | undefined {
    const serving = this.#services.get(name);
    if (serving === undefined) return undefined;
    return serving && this.#serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  /** Sends changes to the watches. */
  #tell(): void {
    for (const [stream, told] of this.#watches) {
      const status = this.#statusOf(stream.request.service) ?? ServingStatus.SERVICE_UNKNOWN;
      if (status === told) continue;
      this.#watches.set(stream, status);
      stream.write({ status });
    }
  }

  #service(): HealthServer {
    return {
      check: ({ request: { service } }, callback) => {
        const status = this.#statusOf(service);
        if (status !== undefined) callback(null, { status });
        else callback({ code: Status.NOT_FOUND, details: "There is no such service." });
      },
      list: (_call, callback) => {
        const statuses = [...this.#services.keys()].map((name) => [name, { status: this.#statusOf(name) }]);
        callback(null, { statuses: Object.fromEntries(statuses) });
      },
      watch: (stream) => {
        stream.on("error", () => {});
        const status = this.#statusOf(stream.request.service) ?? ServingStatus.SERVICE_UNKNOWN;
        stream.write({ status });
        this.#watches.set(stream, status);
        stream.once("cancelled", () => this.#watches.delete(stream));
      },
    };
  }
}

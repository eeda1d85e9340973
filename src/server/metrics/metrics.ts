import { type Clock, systemClock } from "../../runtime/clock.ts";
import { VERSION } from "../../runtime/version.ts";
import type { Store } from "../../store/store.ts";
import { PROTOCOL_VERSION } from "../../wire/limits.ts";
import type { CallObserver } from "../request/access-log.ts";
import { callMetrics } from "./call-metrics.ts";
import { serveMetrics } from "./metrics-endpoint.ts";
import { addStoreMetrics } from "./store-metrics.ts";

/** Who may read metrics. */
export interface MetricsListenOptions {
  /**
   * Serves them beyond loopback, without TLS or a password: whoever reaches the port learns which methods are called how
   * often, the ids of the keys in use, how many jobs there are, which versions run and what the process takes. Default false.
   */
  readonly public?: boolean;
}

/** Prometheus metrics of one server. */
export interface Metrics {
  /** To be given to `createServer`; counts calls and refusals. */
  readonly observer: CallObserver;
  /** To be given to `createServer` as `onKeyUsed`. */
  noteKeyUse(keyId: string): void;
  /** Serves them at `/metrics`. Resolves to the address. Throws OPTIONS_INVALID. */
  listen(address: string, options?: MetricsListenOptions): Promise<{ readonly address: string } & AsyncDisposable>;
  /** The text that is served. */
  text(): Promise<string>;
}

/** A count that the process keeps, shown as a metric. */
export interface ProcessCounter {
  readonly name: string;
  readonly help: string;
  value(): number;
}

/** What metrics are made of. */
export interface MetricsOptions {
  readonly store: Store;
  /** Default: this machine's. */
  readonly clock?: Clock;
  /** Default: none. */
  readonly counters?: readonly ProcessCounter[];
}

/**
 * Counts calls under the `grpc_server_*` names of the gRPC ecosystem, what is Sealwire's own under `sealwire_*`, and
 * what
 * the process takes under the usual `process_*` and `nodejs_*`. Labels come from closed sets: methods, codes, reasons,
 * states, tools and the keys of the ring.
 *
 * @example
 * ```ts
 * const metrics = await createMetrics({ store, clock });
 * await using server = await createServer({
 *   ...{ keyRing, store, tools, onKeyUsed: metrics.noteKeyUse },
 *   observers: [metrics.observer],
 * });
 * await using endpoint = await metrics.listen("127.0.0.1:9464");
 * ```
 */
export async function createMetrics({ store, clock = systemClock, counters = [] }: MetricsOptions): Promise<Metrics> {
  // Only now: most servers start without metrics, and it is a tenth of what they load.
  const client = await import("prom-client");
  const { Counter, Gauge } = client;
  const registry = new client.Registry();
  const registers = [registry];
  const observer = callMetrics(client, registers);
  const keyUse = new Gauge({
    name: "sealwire_key_last_used_timestamp_seconds",
    help: "When each key last passed verification, in Unix seconds.",
    labelNames: ["key_id"],
    registers,
  });
  addStoreMetrics(client, registers, { store, clock });
  for (const { name, help, value } of counters) {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  }
  new Gauge({
    name: "sealwire_build_info",
    help: "1, with the version of the package and of the protocol.",
    labelNames: ["version", "protocol"],
    registers,
  }).set({ version: VERSION, protocol: PROTOCOL_VERSION }, 1);
  client.collectDefaultMetrics({ register: registry });

  return {
    observer,
    noteKeyUse: (keyId) => keyUse.set({ key_id: keyId }, clock.nowMs() / 1000),
    text: () => registry.metrics(),
    listen: (address, { public: isPublic = false } = {}) => serveMetrics(registry, { address, isPublic }),
  };
}

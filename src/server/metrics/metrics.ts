import { type Clock, systemClock } from "../../runtime/clock.ts";
import { VERSION } from "../../runtime/version.ts";
import type { KeyRingSource } from "../../signing/key-ring/types.ts";
import type { Store } from "../../store/store.ts";
import { PROTOCOL_VERSION } from "../../wire/limits.ts";
import type { CallObserver } from "../request/access-log.ts";
import { auditMetrics } from "./audit-metrics.ts";
import { callMetrics, HANDLING, LATENCY_BUCKETS_S } from "./call-metrics.ts";
import { Exemplars } from "./exemplars.ts";
import { jobMetrics } from "./job-metrics.ts";
import { addKeyMetrics } from "./key-metrics.ts";
import { serveMetrics } from "./metrics-endpoint.ts";
import { addProcessCounter, type ProcessCounter } from "./process-counter.ts";
import { addStoreMetrics } from "./store-metrics.ts";
import { upstreamMetrics } from "./upstream-metrics.ts";

/** Options of {@link Metrics.listen}. */
export interface MetricsListenOptions {
  /**
   * Serves metrics beyond loopback, without TLS or a password. Anyone who can reach the port can read how often each
   * method is called, the ids of the keys in use, the number of jobs, the versions, and the resource usage of the
   * process. Default false.
   */
  readonly public?: boolean;
}

/** Prometheus metrics of one server. */
export interface Metrics {
  /** Counts calls and refusals. Pass it to `createServer` in `observers`. */
  readonly observer: CallObserver;
  /** Records the use of a key. Pass it to `createServer` as `onKeyUsed`. */
  noteKeyUse(keyId: string): void;
  /** Serves the metrics at `/metrics`. Resolves to the address. Throws OPTIONS_INVALID. */
  listen(address: string, options?: MetricsListenOptions): Promise<{ readonly address: string } & AsyncDisposable>;
  /** Returns the metrics in the Prometheus text format. */
  text(): Promise<string>;
}

/** Options of {@link createMetrics}. */
export interface MetricsOptions {
  readonly store: Store;
  /** The keys whose expiry is shown. Default: none. */
  readonly keyRing?: Pick<KeyRingSource, "current">;
  /** Default: the system clock. */
  readonly clock?: Clock;
  /** Default: none. */
  readonly counters?: readonly ProcessCounter[];
}

/**
 * Creates the metrics of a server: calls under the `grpc_server_*` names of the gRPC ecosystem, those specific to
 * Sealwire under `sealwire_*`, and the resource usage of the process under `process_*` and `nodejs_*`. Label values
 * come from closed sets: methods, codes, reasons, states, tools and the keys of the ring.
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
export async function createMetrics(options: MetricsOptions): Promise<Metrics> {
  const { store, keyRing, clock = systemClock, counters = [] } = options;
  // Loaded on demand: most servers start without metrics, and prom-client is a tenth of what they load.
  const client = await import("prom-client");
  const { Gauge } = client;
  const registry = new client.Registry();
  const registers = [registry];
  const exemplars = new Exemplars(HANDLING, "grpc_method", LATENCY_BUCKETS_S);
  const observer = {
    ...callMetrics(client, registers, { clock, exemplars }),
    ...upstreamMetrics(client, registers),
    ...jobMetrics(client, registers),
    ...auditMetrics(client, registers),
  };
  const keyUse = new Gauge({
    name: "sealwire_key_last_used_timestamp_seconds",
    help: "When each key last passed verification, in Unix seconds.",
    labelNames: ["key_id"],
    registers,
  });
  addKeyMetrics(client, registers, { keyRing, clock });
  addStoreMetrics(client, registers, { store, clock });
  for (const each of counters) addProcessCounter(client, registers, each);
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
    listen: (address, { public: isPublic = false } = {}) =>
      serveMetrics({ registry, exemplars, clock }, { address, isPublic }),
  };
}

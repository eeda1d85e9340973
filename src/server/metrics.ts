import { createServer as createHttpServer } from "node:http";
import { status as Status } from "@grpc/grpc-js";
import type { Registry } from "prom-client";
import { SealwireError } from "../errors.ts";
import type { JobState } from "../jobs/job.ts";
import type { Store } from "../jobs/store.ts";
import type { Clock } from "../runtime/clock.ts";
import { formatAddress } from "./address.ts";
import type { CallObserver } from "./call-record.ts";
import { checkMetricsAddress } from "./metrics-address.ts";

/** Who may read metrics. */
export interface MetricsListenOptions {
  /**
   * Serves them beyond loopback, without TLS or a password: whoever reaches the port learns which methods are called how
   * often, the ids of the keys in use, and how many jobs there are. Default false.
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
  readonly clock: Clock;
  /** Default: none. */
  readonly counters?: readonly ProcessCounter[];
}

const LATENCY_BUCKETS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/**
 * Counts calls under the `grpc_server_*` names of the gRPC ecosystem, and what is Sealwire's own under `sealwire_*`.
 * Labels come from closed sets: methods, codes, reasons, states and the keys of the ring.
 */
export async function createMetrics({ store, clock, counters = [] }: MetricsOptions): Promise<Metrics> {
  // Only now: most servers start without metrics, and it is a tenth of what they load.
  const { Counter, Gauge, Histogram, Registry } = await import("prom-client");
  const registry = new Registry();
  const registers = [registry];
  const methodLabels = ["grpc_type", "grpc_service", "grpc_method"] as const;
  const started = new Counter({
    name: "grpc_server_started_total",
    help: "Calls started.",
    labelNames: methodLabels,
    registers,
  });
  const handled = new Counter({
    name: "grpc_server_handled_total",
    help: "Calls ended, by gRPC status code.",
    labelNames: [...methodLabels, "grpc_code"],
    registers,
  });
  const handling = new Histogram({
    name: "grpc_server_handling_seconds",
    help: "Time from the first to the last byte of a call.",
    labelNames: methodLabels,
    buckets: LATENCY_BUCKETS_S,
    registers,
  });
  const failures = new Counter({
    name: "sealwire_failures_total",
    help: "Calls that were refused or failed, by reason.",
    labelNames: ["reason"],
    registers,
  });
  const keyUse = new Gauge({
    name: "sealwire_key_last_used_timestamp_seconds",
    help: "When each key last passed verification, in Unix seconds.",
    labelNames: ["key_id"],
    registers,
  });
  const overdueHandlers = new Gauge({
    name: "sealwire_overdue_handlers",
    help: "Handlers that run on although their calls were stopped long ago, by tool.",
    labelNames: ["tool"],
    registers,
  });
  collectStoreMetrics(store, Gauge, registers);
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

  const metrics: Metrics = {
    observer: {
      callStarted: ({ method }) => started.inc(labelsOf(method)),
      callEnded: ({ method, reason }, code, durationMs) => {
        const labels = labelsOf(method);
        handled.inc({ ...labels, grpc_code: codeName(code) });
        handling.observe(labels, durationMs / 1000);
        if (reason !== "") failures.inc({ reason });
      },
      overdueHandlers: (tool, count) => overdueHandlers.set({ tool }, count),
    },
    noteKeyUse: (keyId) => keyUse.set({ key_id: keyId }, clock.nowMs() / 1000),
    text: () => registry.metrics(),
    listen: (address, { public: isPublic = false } = {}) => serve(registry, { address, isPublic }),
  };
  return metrics;
}

function collectStoreMetrics(store: Store, Gauge: typeof import("prom-client").Gauge, registers: Registry[]): void {
  new Gauge({
    name: "sealwire_jobs",
    help: "Jobs in the store, by state.",
    labelNames: ["state"],
    registers,
    async collect() {
      const { byState } = await store.jobs.stats();
      for (const state of Object.keys(byState) as JobState[]) this.set({ state }, byState[state]);
    },
  });
  new Gauge({
    name: "sealwire_job_queue_age_seconds",
    help: "Age of the oldest job that could run now.",
    registers,
    async collect() {
      this.set((await store.jobs.stats()).oldestQueuedMs / 1000);
    },
  });
  new Gauge({
    name: "sealwire_nonces",
    help: "Nonces remembered against replay.",
    registers,
    async collect() {
      this.set(await store.replay.size());
    },
  });
}

async function serve(
  registry: Registry,
  { address, isPublic }: { readonly address: string; readonly isPublic: boolean },
): Promise<{ readonly address: string } & AsyncDisposable> {
  const wanted = checkMetricsAddress(address, { public: isPublic });
  const server = createHttpServer((request, response) => {
    if (request.url !== "/metrics" || request.method !== "GET") {
      response.writeHead(404).end("Metrics are at GET /metrics.\n");
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { "content-type": registry.contentType }).end(text),
      () => response.writeHead(503).end("The store cannot answer just now.\n"),
    );
  });
  await new Promise<void>((resolve, reject) => {
    // For good: an error of accepting, such as no file descriptor left, would end the process if nobody listened.
    server.on("error", (cause) => {
      reject(
        new SealwireError(
          "OPTIONS_INVALID",
          `Cannot serve metrics on ${address}: ${cause.message}; choose another address.`,
          { cause },
        ),
      );
    });
    server.listen(wanted.port, wanted.host, resolve);
  });
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : wanted.port;
  return {
    address: formatAddress({ ...wanted, port }),
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

interface MethodLabels {
  readonly grpc_type: string;
  readonly grpc_service: string;
  readonly grpc_method: string;
}

const GRPC_TYPES: Readonly<Record<string, string>> = { CallStream: "bidi_stream", WatchJob: "server_stream" };
const LABELS = new Map<string, MethodLabels>();

function labelsOf(path: string): MethodLabels {
  let labels = LABELS.get(path);
  if (labels === undefined) {
    const [, service = "", method = ""] = path.split("/");
    labels = { grpc_type: GRPC_TYPES[method] ?? "unary", grpc_service: service, grpc_method: method };
    LABELS.set(path, labels);
  }
  return labels;
}

const CODE_NAMES = new Map(
  Object.entries(Status)
    .filter((entry): entry is [string, number] => typeof entry[1] === "number")
    .map(([name, code]) => [
      code,
      name.toLowerCase().replace(/(^|_)([a-z])/g, (_match, _bar, letter: string) => letter.toUpperCase()),
    ]),
);

/** The code's name as the gRPC ecosystem writes it in metrics, for example "InvalidArgument". */
function codeName(code: number): string {
  return code === Status.OK ? "OK" : (CODE_NAMES.get(code) ?? "Unknown");
}

import type { Registry } from "prom-client";
import type { Clock } from "../../runtime/clock.ts";
import { silentLogger } from "../../runtime/logger.ts";
import { TokenBucket } from "../../runtime/token-bucket.ts";
import { listenForHttp } from "../listen/http-listener.ts";
import { isOwnHost, type OwnAddress } from "../listen/own-host.ts";
import { type Exemplars, OPENMETRICS_TYPE } from "./exemplars.ts";
import { checkMetricsAddress } from "./metrics-address.ts";

/** What is served. */
export interface ServedMetrics {
  readonly registry: Registry;
  /** Added for those who ask for OpenMetrics. */
  readonly exemplars: Exemplars;
  readonly clock: Clock;
}

const CONNECTIONS_MOST = 64;
/** How often the metrics are read, per second and at once. In between, everybody gets those that were read last. */
const READS = { perSecond: 5, atOnce: 20 };

/** Serves metrics at `/metrics` until it is disposed, beyond loopback only if `isPublic`. Throws OPTIONS_INVALID. */
export async function serveMetrics(
  metrics: ServedMetrics,
  { address, isPublic }: { readonly address: string; readonly isPublic: boolean },
): Promise<{ readonly address: string } & AsyncDisposable> {
  const wanted = checkMetricsAddress(address, { public: isPublic });
  const texts = new MetricTexts(metrics);
  const place = { what: "metrics", address: wanted, connectionsMost: CONNECTIONS_MOST, logger: silentLogger };
  const listener = await listenForHttp({ ...place, clock: metrics.clock }, ({ url, method, headers }, response) => {
    if (!isPublic && isOther(headers.host, listener.own)) {
      response.writeHead(403).end("Read the metrics by the address of this machine: Host is another.\n");
      return;
    }
    if (url !== "/metrics" || method !== "GET") {
      response.writeHead(404).end("Metrics are at GET /metrics.\n");
      return;
    }
    const isOpen = headers.accept?.includes("application/openmetrics-text") === true;
    texts.read().then(
      (text) => {
        response.writeHead(200, { "content-type": isOpen ? OPENMETRICS_TYPE : metrics.registry.contentType });
        response.end(isOpen ? text.open : text.plain);
      },
      () => response.writeHead(500).end("The metrics cannot be read.\n"),
    );
  });
  return { address: listener.address, [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose]() };
}

/** True for the Host of a page whose own name was made to lead to this machine. Browsers always send one. */
function isOther(host: string | undefined, own: OwnAddress): boolean {
  return host !== undefined && !isOwnHost(host, own, { withPort: false });
}

/** The metrics in both formats. */
interface MetricText {
  readonly plain: string;
  readonly open: string;
}

/** Reads the metrics for everybody who asks, one time at a time, and not too often. */
class MetricTexts {
  readonly #metrics: ServedMetrics;
  readonly #reads: TokenBucket;
  #reading: Promise<MetricText> | undefined;
  #last: MetricText | undefined;

  constructor(metrics: ServedMetrics) {
    this.#metrics = metrics;
    this.#reads = new TokenBucket(metrics.clock, READS.perSecond, READS.atOnce);
  }

  async read(): Promise<MetricText> {
    if (this.#reading !== undefined) return this.#reading;
    if (this.#last !== undefined && !this.#reads.take()) return this.#last;
    this.#reading = this.#readAnew().finally(() => {
      this.#reading = undefined;
    });
    this.#last = await this.#reading;
    return this.#last;
  }

  async #readAnew(): Promise<MetricText> {
    const { registry, exemplars } = this.#metrics;
    const plain = await registry.metrics();
    let open: string | undefined;
    return {
      plain,
      get open() {
        open ??= exemplars.write(plain);
        return open;
      },
    };
  }
}

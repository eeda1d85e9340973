import type { Registry } from "prom-client";
import type { UpstreamObserver } from "../../upstream/upstream.ts";
import { codeName, LATENCY_BUCKETS_S } from "./call-metrics.ts";

/** Counts the calls to upstreams, and reports whether each of their services can be called. */
export function upstreamMetrics(
  { Counter, Gauge, Histogram }: Pick<typeof import("prom-client"), "Counter" | "Gauge" | "Histogram">,
  registers: Registry[],
): UpstreamObserver {
  const handled = new Counter({
    name: "sealwire_upstream_calls_total",
    help: "Calls to upstreams that have ended, by the gRPC status code. Unauthenticated means that an upstream does not accept this server.",
    labelNames: ["upstream", "grpc_code"],
    registers,
  });
  const handling = new Histogram({
    name: "sealwire_upstream_call_seconds",
    help: "Time of calls to upstreams, from the request to the end.",
    labelNames: ["upstream"],
    buckets: LATENCY_BUCKETS_S,
    registers,
  });
  const inFlight = new Gauge({
    name: "sealwire_upstream_calls_in_flight",
    help: "Open calls at upstreams.",
    labelNames: ["upstream"],
    registers,
  });
  const up = new Gauge({
    name: "sealwire_upstream_up",
    help: "1 if the service can be called at one address or more of its upstream, otherwise 0.",
    labelNames: ["upstream", "service"],
    registers,
  });
  return {
    upstreamCalled(upstream, code, durationMs) {
      handled.inc({ upstream, grpc_code: codeName(code) });
      handling.observe({ upstream }, durationMs / 1000);
    },
    upstreamInFlight: (upstream, count) => inFlight.set({ upstream }, count),
    upstreamServes(upstream, service, serves) {
      if (serves === undefined) up.remove({ upstream, service });
      else up.set({ upstream, service }, serves ? 1 : 0);
    },
  };
}

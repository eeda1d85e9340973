import { createServer as createHttpServer } from "node:http";
import type { Registry } from "prom-client";
import { SealwireError } from "../../errors.ts";
import { formatAddress } from "../listen/address.ts";
import { type Exemplars, OPENMETRICS_TYPE } from "./exemplars.ts";
import { checkMetricsAddress } from "./metrics-address.ts";

/** What is served. */
export interface ServedMetrics {
  readonly registry: Registry;
  /** Added for those who ask for OpenMetrics. */
  readonly exemplars: Exemplars;
}

/** Serves metrics at `/metrics` until it is disposed, beyond loopback only if `isPublic`. Throws OPTIONS_INVALID. */
export async function serveMetrics(
  { registry, exemplars }: ServedMetrics,
  { address, isPublic }: { readonly address: string; readonly isPublic: boolean },
): Promise<{ readonly address: string } & AsyncDisposable> {
  const wanted = checkMetricsAddress(address, { public: isPublic });
  const server = createHttpServer((request, response) => {
    if (request.url !== "/metrics" || request.method !== "GET") {
      response.writeHead(404).end("Metrics are at GET /metrics.\n");
      return;
    }
    const isOpen = request.headers.accept?.includes("application/openmetrics-text") === true;
    registry.metrics().then(
      (text) => {
        response.writeHead(200, { "content-type": isOpen ? OPENMETRICS_TYPE : registry.contentType });
        response.end(isOpen ? exemplars.write(text) : text);
      },
      () => response.writeHead(500).end("The metrics cannot be read.\n"),
    );
  });
  await new Promise<void>((resolve, reject) => {
    // Stays registered: a later error, such as no free file descriptor, would otherwise end the process.
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

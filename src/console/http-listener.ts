import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { SealwireError } from "../errors.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { formatAddress, type ListenAddress } from "../server/listen/address.ts";
import type { OwnAddress } from "../server/listen/own-host.ts";
import { readTlsFiles, watchTlsFiles } from "../server/listen/tls-files.ts";
import type { ServerTlsOptions } from "../server/options.ts";

/** Where and how the console listens. */
export interface HttpListenerOptions {
  readonly address: ListenAddress & { kind: "tcp" };
  readonly tls: ServerTlsOptions | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A listening HTTP server. Its disposal closes it with all its connections. */
export interface HttpListener extends AsyncDisposable {
  /** The origin with the actual port, such as "http://127.0.0.1:8080". */
  readonly origin: string;
  readonly own: OwnAddress;
}

const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  // How often Node looks for requests that are over these limits. Its default is 30 s.
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
  noDelay: true,
};
const CONNECTIONS_MOST = 256;

/** Listens, with TLS if there is a certificate, which is read again when it changes. Throws OPTIONS_INVALID. */
export async function listenForHttp(options: HttpListenerOptions, serve: RequestListener): Promise<HttpListener> {
  const { address, tls, clock, logger } = options;
  let server: Server;
  let reload: AsyncDisposable | undefined;
  if (tls === undefined) {
    server = createServer(LIMITS, serve);
  } else {
    // Whoever opens the console has a token. A client certificate is for callers of tools.
    const { clientCaPath: _, ...files } = tls;
    const secure = createTlsServer({ ...LIMITS, ...readTlsFiles(files), minVersion: "TLSv1.2" }, serve);
    reload = watchTlsFiles(files, secure, { clock, logger });
    server = secure as unknown as Server;
  }
  server.maxConnections = CONNECTIONS_MOST;
  server.listen({ port: address.port, host: address.host });
  try {
    await once(server, "listening");
  } catch (cause) {
    await reload?.[Symbol.asyncDispose]();
    const { code, message } = cause as NodeJS.ErrnoException;
    const hint = code === "EADDRINUSE" ? "another process uses it" : message;
    const problem = `The console cannot listen on ${formatAddress(address)}: ${hint}; choose another address.`;
    throw new SealwireError("OPTIONS_INVALID", problem, { cause });
  }
  server.on("error", (err) => logger.error({ err }, "a connection to the console could not be accepted"));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${tls === undefined ? "http" : "https"}://${formatAddress({ ...address, port })}`,
    own: { port, certificate: tls && new X509Certificate(readTlsFiles(tls).cert as Buffer) },
    async [Symbol.asyncDispose]() {
      await reload?.[Symbol.asyncDispose]();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

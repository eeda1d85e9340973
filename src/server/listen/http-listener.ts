import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { ServerTlsOptions } from "../options.ts";
import { formatAddress, type ListenAddress } from "./address.ts";
import { HttpConnections } from "./http-connections.ts";
import type { OwnAddress } from "./own-host.ts";
import { readTlsFiles, watchTlsFiles } from "./tls-files.ts";

/** Where and how an HTTP server listens. */
export interface HttpListenerOptions {
  /** What is served, for messages, such as "the console". */
  readonly what: string;
  readonly address: ListenAddress & { kind: "tcp" };
  readonly tls?: ServerTlsOptions | undefined;
  /** Open connections. One more takes the place of the oldest that is not held. */
  readonly connectionsMost: number;
  /**
   * How long a connection may stay without a byte in either direction, such as one whose peer does not read, in
   * milliseconds. Default 60 s.
   */
  readonly silenceMostMs?: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A listening HTTP server. Its disposal closes it with all its connections. */
export interface HttpListener extends AsyncDisposable {
  /** The host as it was given, and the actual port, such as "127.0.0.1:8080". */
  readonly address: string;
  /** The origin, such as "http://127.0.0.1:8080". */
  readonly origin: string;
  readonly own: OwnAddress;
  /** Keeps a connection from being closed for a new one, until the result is disposed. */
  hold(socket: Socket): Disposable;
  /** Accepts no more connections, and closes those that have no request, after `graceMs` all. */
  close(graceMs: number): Promise<void>;
}

const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  // How often Node looks for requests that are over these limits. Its default is 30 s.
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
  noDelay: true,
};
const SILENCE_MOST_MS = 60_000;

/** Listens, with TLS if there is a certificate, which is read again when it changes. Throws OPTIONS_INVALID. */
export async function listenForHttp(options: HttpListenerOptions, serve: RequestListener): Promise<HttpListener> {
  const { what, address, tls, connectionsMost, silenceMostMs = SILENCE_MOST_MS, clock, logger } = options;
  const serveNext = oneAtATime(serve);
  let server: Server;
  let reload: AsyncDisposable | undefined;
  if (tls === undefined) {
    server = createServer(LIMITS, serveNext);
  } else {
    const secure = createTlsServer({ ...LIMITS, ...readTlsFiles(tls), minVersion: "TLSv1.2" }, serveNext);
    reload = watchTlsFiles(tls, secure, { clock, logger });
    server = secure as unknown as Server;
  }
  server.timeout = silenceMostMs;
  const connections = new HttpConnections(connectionsMost);
  server.on("connection", (socket: Socket) => connections.add(socket));
  server.listen({ port: address.port, host: address.host });
  try {
    await once(server, "listening");
  } catch (cause) {
    await reload?.[Symbol.asyncDispose]();
    const { code, message } = cause as NodeJS.ErrnoException;
    const hint = code === "EADDRINUSE" ? "another process uses it" : message;
    const problem = `Cannot serve ${what} on ${formatAddress(address)}: ${hint}; choose another address.`;
    throw new SealwireError("OPTIONS_INVALID", problem, { cause });
  }
  // A later error, such as no free file descriptor, would otherwise end the process.
  server.on("error", (err) => logger.error({ err }, `a connection to ${what} could not be accepted`));
  const close = async (graceMs: number): Promise<void> => {
    await reload?.[Symbol.asyncDispose]();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    if (graceMs <= 0) connections.closeAll();
    using _timer = clock.after(graceMs, () => connections.closeAll());
    await closed;
  };
  const { port } = server.address() as AddressInfo;
  const listening = formatAddress({ ...address, port });
  return {
    address: listening,
    origin: `${tls === undefined ? "http" : "https"}://${listening}`,
    own: { port, certificate: tls && new X509Certificate(readTlsFiles(tls).cert as Buffer) },
    hold: (socket) => connections.hold(socket),
    close,
    [Symbol.asyncDispose]: () => close(0),
  };
}

/**
 * Closes a connection that sends a request before the one before is answered, as no browser does: otherwise a peer that
 * reads nothing could have thousands of answers kept in memory. So does a request with several Hosts.
 */
function oneAtATime(serve: RequestListener): RequestListener {
  const answers = new WeakMap<Socket, ServerResponse>();
  return (request, response) => {
    const { socket } = request;
    const before = answers.get(socket);
    const isEarly = before !== undefined && !before.writableEnded;
    if (socket.destroyed || isEarly || (request.headersDistinct.host?.length ?? 0) > 1) {
      socket.destroy();
      return;
    }
    answers.set(socket, response);
    serve(request, response);
  };
}

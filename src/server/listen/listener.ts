import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { TimeLimit } from "../../runtime/time-limit.ts";
import type { ServerTlsOptions } from "../options.ts";
import { RefusalCounts } from "../request/refusal-counts.ts";
import { formatAddress, isLocal, type ListenAddress, parseListenAddress } from "./address.ts";
import { PeerConnections } from "./peer-connections.ts";
import { awaitPreface } from "./preface.ts";
import { readTlsFiles, watchTlsFiles } from "./tls-files.ts";
import { listenOnUnixSocket, type UnixSocket } from "./unix-socket.ts";

/** Where and how to accept connections. */
export interface ListenerOptions {
  readonly address: ListenAddress;
  /** Shares the port with other processes of this user that do so, too. */
  readonly reusePort: boolean;
  readonly tls: ServerTlsOptions | undefined;
  readonly insecurePlaintext: boolean;
  readonly connectionsMax: number;
  readonly connectionsPerPeerMax: number;
  readonly handshakeTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of each connection that is let in, its handshake still to come. */
  readonly onOpen: (socket: Socket) => void;
  /** Takes over each accepted connection, decrypted. */
  readonly onConnection: (socket: Socket) => void;
}

/** Accepts connections until it is closed. */
export interface Listener {
  /** As clients take it, the port filled in. */
  readonly address: string;
  /** Accepts no further connection. Resolves when the open ones have ended; after `graceMs` they are cut off. */
  close(graceMs: number): Promise<void>;
}

/** Starts to accept connections. Throws OPTIONS_INVALID for plaintext beyond this machine and for an address that cannot be had. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { address, reusePort, tls, clock, logger, onOpen, onConnection } = options;
  checkAddress(options);
  const { connectionsMax, handshakeTimeoutMs } = options;
  const connections = new Set<Socket>();
  /** Those that do not speak HTTP/2 yet. */
  const early = new Set<Socket>();
  const prefaces = new TimeLimit(clock, handshakeTimeoutMs);
  /** Runs what is to be done with a connection; one that it cannot be done with is closed. */
  const guard = (socket: Socket, serve: () => void): void => {
    try {
      serve();
    } catch (err) {
      logger.error({ err }, "a connection could not be served");
      socket.destroy();
    }
  };
  const accept = (socket: Socket): void => {
    const destroy = (): void => void socket.destroy();
    const time = prefaces.begin({ expire: destroy });
    connections.add(socket);
    early.add(socket);
    socket.once("close", () => {
      prefaces.end(time);
      early.delete(socket);
      connections.delete(socket);
      if (connections.size === 0) server.emit("idle");
    });
    socket.on("error", ignore);
    awaitPreface(
      socket,
      () => {
        prefaces.end(time);
        early.delete(socket);
        socket.off("error", ignore);
        guard(socket, () => onConnection(socket));
      },
      destroy,
    );
  };
  const secure = tls && tlsServer(tls, options, (socket) => guard(socket, () => accept(socket)));
  const peers = new PeerConnections(options.connectionsPerPeerMax);
  const refusals = new RefusalCounts(logger, clock, "connections refused");
  const refuse = (peer: string, cause: string): void => {
    try {
      if (refusals.isFirst(peer, cause)) logger.warn({ peer, cause }, "connection refused");
    } catch (err) {
      logger.error({ err }, "a refused connection could not be counted");
    }
  };
  const server = createServer({ noDelay: true }, (socket) =>
    guard(socket, () => {
      if (!peers.add(socket)) {
        refuse(socket.remoteAddress ?? "unknown", "too many are open from its address");
        socket.destroy();
        return;
      }
      onOpen(socket);
      if (secure === undefined) accept(socket);
      else secure.emit("connection", socket);
    }),
  );
  server.maxConnections = connectionsMax;
  server.on("drop", (data) => refuse(data?.remoteAddress ?? "unknown", "too many are open"));
  const reload = tls && secure && watchTlsFiles(tls, secure, { clock, logger });
  const bound = await bind(server, address, reusePort).catch(async (cause: NodeJS.ErrnoException) => {
    server.close();
    await reload?.[Symbol.asyncDispose]();
    throw cannotListen(address, cause);
  });
  // Without descriptors left, accepting fails again and again; an error that nobody listens to would end the process.
  server.on("error", (error) => logger.error({ err: error }, "a connection could not be accepted"));
  return {
    address: formatAddress(bound.address),
    close: async (graceMs) => {
      await reload?.[Symbol.asyncDispose]();
      bound.socket?.release();
      server.close();
      for (const socket of early) socket.destroy();
      refusals.write();
      using _timer = clock.after(graceMs, () => {
        for (const connection of connections) connection.destroy();
      });
      if (connections.size > 0) await once(server, "idle");
    },
  };
}

/** Where a server is to listen, as its user says it. */
export interface Listening {
  readonly listen: string;
  readonly reusePort: boolean;
  readonly tls: ServerTlsOptions | undefined;
  /** Plaintext beyond this machine is wanted. */
  readonly insecure: boolean;
}

/** Sees whether a server may listen so, without doing it. Throws OPTIONS_INVALID. */
export function checkListening({ listen, insecure, ...how }: Listening): void {
  checkAddress({ ...how, address: parseListenAddress(listen), insecurePlaintext: insecure });
}

function checkAddress({
  address,
  reusePort,
  tls,
  insecurePlaintext,
}: Pick<ListenerOptions, "address" | "reusePort" | "tls" | "insecurePlaintext">): void {
  if (tls === undefined && !insecurePlaintext && !isLocal(address)) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `Without TLS the server listens on this machine only, not on ${formatAddress(address)}; give it a certificate (--tls-cert, --tls-key), or say --insecure.`,
    );
  }
  if (reusePort && address.kind === "unix") {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `A unix socket has no port to share; let ${formatAddress(address)} be one process's, or listen on 127.0.0.1:PORT.`,
    );
  }
}

/** Decrypts connections; it is given them, and accepts none itself. */
function tlsServer(
  tls: ServerTlsOptions,
  { logger, handshakeTimeoutMs }: Pick<ListenerOptions, "logger" | "handshakeTimeoutMs">,
  onConnection: (socket: TLSSocket) => void,
): TlsServer {
  const mutual = tls.clientCaPath !== undefined;
  const server = createTlsServer(
    {
      ...readTlsFiles(tls),
      ALPNProtocols: ["h2"],
      requestCert: mutual,
      rejectUnauthorized: mutual,
      minVersion: "TLSv1.2",
      handshakeTimeout: handshakeTimeoutMs,
    },
    onConnection,
  );
  server.on("tlsClientError", (error) => logger.debug({ err: error }, "TLS handshake failed"));
  return server;
}

/** Where a server listens in the end. */
interface Bound {
  readonly address: ListenAddress;
  readonly socket?: UnixSocket;
}

async function bind(server: Server, address: ListenAddress, reusePort: boolean): Promise<Bound> {
  if (address.kind === "unix") return { address, socket: await listenOnUnixSocket(server, address.path) };
  server.listen({ port: address.port, host: address.host, reusePort });
  await once(server, "listening");
  const actual = server.address();
  return { address: typeof actual === "object" && actual !== null ? { ...address, port: actual.port } : address };
}

function cannotListen(address: ListenAddress, cause: NodeJS.ErrnoException): SealwireError {
  const hint = cause.code === "EADDRINUSE" ? "another process uses it" : cause.message;
  const problem = `Cannot listen on ${formatAddress(address)}: ${hint}; choose another address.`;
  return new SealwireError("OPTIONS_INVALID", problem, { cause });
}

function ignore(): void {}

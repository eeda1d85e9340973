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

/** Options of {@link listen}. */
export interface ListenerOptions {
  readonly address: ListenAddress;
  /** Shares the port with other processes of this user that also set this option. */
  readonly reusePort: boolean;
  readonly tls: ServerTlsOptions | undefined;
  readonly insecurePlaintext: boolean;
  readonly connectionsMax: number;
  readonly connectionsPerPeerMax: number;
  readonly handshakeTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with each accepted connection, before its handshake. */
  readonly onOpen: (socket: Socket) => void;
  /** Called with each connection after its handshake, decrypted. */
  readonly onConnection: (socket: Socket) => void;
}

/** Accepts connections until it is closed. */
export interface Listener {
  /** The address as clients accept it, with the actual port. */
  readonly address: string;
  /** Stops accepting connections. Resolves when the open ones have ended. After `graceMs` they are destroyed. */
  close(graceMs: number): Promise<void>;
}

/** Starts to accept connections. Throws OPTIONS_INVALID for remote plaintext, and if the address is not available. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { address, reusePort, tls, clock, logger, onOpen, onConnection } = options;
  checkAddress(options);
  const { connectionsMax, handshakeTimeoutMs } = options;
  const connections = new Set<Socket>();
  /** Connections in the TLS handshake, or that have not sent the HTTP/2 preface. */
  const early = new Set<Socket>();
  const handshakes = new TimeLimit(clock, handshakeTimeoutMs);
  /** Runs a step of a connection. If it throws, the connection is destroyed. */
  const guard = (socket: Socket, serve: () => void): void => {
    try {
      serve();
    } catch (err) {
      logger.error({ err }, "a connection could not be served");
      socket.destroy();
    }
  };
  /** Destroys the socket unless the result is called in time. */
  const begin = (socket: Socket): (() => void) => {
    const time = handshakes.begin({ expire: () => socket.destroy() });
    const end = (): void => {
      handshakes.end(time);
      early.delete(socket);
    };
    connections.add(socket);
    early.add(socket);
    socket.once("close", () => {
      end();
      connections.delete(socket);
      if (connections.size === 0) server.emit("idle");
    });
    return end;
  };
  const accept = (socket: Socket): void => {
    const end = begin(socket);
    socket.on("error", ignore);
    awaitPreface(
      socket,
      () => {
        end();
        socket.off("error", ignore);
        guard(socket, () => onConnection(socket));
      },
      () => socket.destroy(),
    );
  };
  /** Connections in a TLS handshake. */
  const handshaking = new WeakMap<Socket, () => void>();
  const secure =
    tls &&
    tlsServer(tls, options, (socket) =>
      guard(socket, () => {
        handshaking.get(belowTls(socket))?.();
        accept(socket);
      }),
    );
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
      if (secure === undefined) {
        accept(socket);
        return;
      }
      // Node's own limit for the handshake begins again with each byte.
      handshaking.set(socket, begin(socket));
      secure.emit("connection", socket);
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
  // Accepting fails repeatedly if no file descriptor is left. Without this listener the error would end the process.
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

/** The listen options of a server as its user gives them. */
export interface Listening {
  readonly listen: string;
  readonly reusePort: boolean;
  readonly tls: ServerTlsOptions | undefined;
  /** Allows plaintext for other machines. */
  readonly insecure: boolean;
}

/** Checks listen options without listening. Throws OPTIONS_INVALID. */
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
      `Without TLS the server listens on this machine only, not on ${formatAddress(address)}; give it a certificate (--tls-cert, --tls-key), or set --insecure.`,
    );
  }
  if (reusePort && address.kind === "unix") {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `A unix socket has no port to share; use ${formatAddress(address)} in one process only, or listen on 127.0.0.1:PORT.`,
    );
  }
}

/** Creates a server that decrypts connections which are passed to it. It does not listen. */
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
  server.on("tlsClientError", (error, socket) => {
    logger.debug({ err: error }, "TLS handshake failed");
    socket.destroy();
  });
  return server;
}

/**
 * The connection that a TLS socket decrypts, from a private field of Node.js. Only this function depends on it, and
 * test/server/listen/tls.test.ts fails if it changes.
 */
function belowTls(socket: TLSSocket): Socket {
  const { _parent: below } = socket as unknown as { readonly _parent?: Socket };
  if (below === undefined) throw new Error("This version of Node.js has other internals; see belowTls.");
  return below;
}

/** The address that a server is bound to. */
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

import { request } from "node:http";
import { isIP, type Socket } from "node:net";
import { connect, type SecureContext, type TLSSocket } from "node:tls";
import { type CallCredentials, ChannelCredentials, credentials } from "@grpc/grpc-js";
import type { Clock } from "../../runtime/clock.ts";
import { CallSource } from "./call-source.ts";
import { isNoTls, type ProbeTarget, speaksPlaintext, speaksTls } from "./protocol-probe.ts";
import type { HttpProxy } from "./proxy.ts";

type SecureConnector = ReturnType<ChannelCredentials["_createSecureConnector"]>;
type Connected = Awaited<ReturnType<SecureConnector["connect"]>>;

/** Options of a {@link Dialer}. */
export interface DialOptions {
  readonly clock: Clock;
  /** Without it connections are plaintext. */
  readonly tls: { readonly context: SecureContext; readonly serverName: string } | undefined;
  readonly proxy: HttpProxy | undefined;
  /** Maximum time that the proxy and the server may each be silent. */
  readonly silenceMs: number;
}

/** The reason for a failed connection. */
export interface DialFailure {
  readonly message: string;
  /** True if another attempt may succeed. */
  readonly mayPass: boolean;
}

/** An error of Node.js. Errors of OpenSSL have a `reason`. */
type TlsError = NodeJS.ErrnoException & { readonly reason?: string };
type Peer = Pick<ProbeTarget, "host" | "port">;

/** Time limit for probing the protocol of a server. */
const SEARCH_MS = 2_000;

/** Minimum size of an HTTP/2 frame. A TLS server answers plaintext with an alert of 7 bytes or nothing. */
const FRAME_HEADER_BYTES = 9;

const NEEDS_TLS: DialFailure = {
  message: "the server speaks TLS and this client plaintext: set `tls`, on the command line --tls or --tls-ca",
  mayPass: false,
};
const NEEDS_PLAINTEXT: DialFailure = {
  message: "the server speaks plaintext and this client TLS: leave `tls` out, on the command line every --tls option",
  mayPass: false,
};

/** Messages of grpc-js for an answer that is not HTTP/2. */
const NO_HTTP2 = /protocol error|frame size/i;
/** Messages of grpc-js without a reason. */
const NOTHING_KNOWN: ReadonlySet<string> = new Set(["undefined", "null", "", "Failed to connect"]);

/**
 * Establishes the connections of a channel above TCP: the proxy tunnel and TLS, each with a time limit. grpc-js itself
 * sends IP addresses as TLS server names, waits forever for a silent peer, and does not report why a proxy or a peer
 * with another protocol failed.
 */
export class Dialer extends ChannelCredentials {
  readonly #options: DialOptions;
  /** The latest socket of each address, by the credentials that grpc-js got for it. */
  readonly #sockets = new WeakMap<CallCredentials, Socket>();
  #failure: DialFailure | undefined;
  /** Set if the server was found to use another protocol. */
  #mismatch: DialFailure | undefined;
  /** The running or last probe of the protocol. Reset by a successful connection. */
  #search: Promise<void> | undefined;

  constructor(options: DialOptions) {
    super();
    this.#options = options;
  }

  /** Returns why the latest connection failed, after a running probe. `known`: the message of grpc-js. */
  async explain(known: string): Promise<DialFailure> {
    await this.#search;
    const failure = this.#mismatch ?? this.#failure;
    if (failure !== undefined) return failure;
    if (this.#options.tls === undefined && NO_HTTP2.test(known))
      return { message: "the server does not speak HTTP/2 in plaintext; it may expect TLS", mayPass: false };
    return { message: NOTHING_KNOWN.has(known) ? "the connection was closed immediately" : known, mayPass: true };
  }

  /** Returns the credentials that add the source of a call to its metadata. */
  source(): CallSource {
    return new CallSource(this.#sockets);
  }

  /** Called by grpc-js. */
  _isSecure(): boolean {
    return this.#options.tls !== undefined;
  }

  /** Called by grpc-js. Channels with equal credentials share connections. */
  _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  /** Called by grpc-js. */
  _createSecureConnector(_target: unknown, _options: unknown, callCredentials?: CallCredentials): SecureConnector {
    const own = callCredentials ?? credentials.createEmpty();
    return {
      // Called before each attempt to connect.
      waitForReady: async () => {
        this.#failure = undefined;
      },
      connect: async (socket) => {
        const connected = await this.#connect(socket);
        this.#sockets.set(own, connected.socket);
        return connected;
      },
      getCallCredentials: () => own,
      destroy: () => {},
    };
  }

  async #connect(socket: Socket): Promise<Connected> {
    const { tls, proxy } = this.#options;
    if (proxy !== undefined) await this.#within(socket, "the proxy", this.#openTunnel(socket, proxy));
    const ready = tls === undefined ? socket : await this.#within(socket, "the server", this.#startTls(socket, tls));
    this.#awaitFirstFrame(ready);
    return { socket: ready, secure: tls !== undefined };
  }

  /** Opens a tunnel to the server through the proxy. */
  #openTunnel(socket: Socket, { destination, authorization }: HttpProxy): Promise<void> {
    const headers = { Host: destination, ...(authorization !== undefined && { "Proxy-Authorization": authorization }) };
    return new Promise((resolve, reject) => {
      const asked = request({ method: "CONNECT", path: destination, headers, createConnection: () => socket });
      asked.once("connect", ({ statusCode, statusMessage }, _, head) => {
        socket.removeAllListeners();
        if (head.length > 0) socket.unshift(head);
        const refusal = `the proxy answers ${statusCode} ${statusMessage} to CONNECT ${destination}`;
        if (statusCode === 200) resolve();
        else reject(this.#fail({ message: refusal, mayPass: Number(statusCode) >= 500 }));
      });
      asked.once("error", ({ message }) =>
        reject(this.#fail({ message: `the proxy opens no tunnel to ${destination}: ${message}`, mayPass: true })),
      );
      asked.end();
    });
  }

  #startTls(socket: Socket, { context, serverName }: NonNullable<DialOptions["tls"]>): Promise<TLSSocket> {
    const peer = this.#peerOf(socket);
    return new Promise((resolve, reject) => {
      const secured = connect({
        socket,
        secureContext: context,
        host: serverName,
        // RFC 6066 does not allow IP addresses.
        ...(isIP(serverName) === 0 && { servername: serverName }),
        ALPNProtocols: ["h2"],
        rejectUnauthorized: true,
      });
      const onError = async (error: TlsError): Promise<void> => {
        if (isNoTls(error)) return reject(this.#fail(NEEDS_PLAINTEXT));
        if (isCut(error)) await this.#seekMismatch(peer);
        reject(this.#fail(ofTls(error)));
      };
      secured.once("error", (error) => void onError(error));
      secured.once("secureConnect", () => {
        secured.removeAllListeners("error");
        resolve(secured);
      });
    });
  }

  /** Detects a peer that closes the connection before its first frame, or is silent: it does not use HTTP/2. */
  #awaitFirstFrame(socket: Socket): void {
    const { clock, silenceMs, tls } = this.#options;
    const before = socket.bytesRead;
    const peer = this.#peerOf(socket);
    const received = (): number => socket.bytesRead - before;
    const timer = clock.after(silenceMs, () => {
      if (received() === 0) this.#endSilent(socket, "the server");
    });
    // With TLS 1.3 a server refuses an invalid or missing client certificate after the handshake.
    if (tls !== undefined) socket.once("error", (error) => received() === 0 && this.#fail(ofTls(error)));
    socket.once("close", () => {
      timer[Symbol.dispose]();
      if (received() >= FRAME_HEADER_BYTES) this.#mismatch = this.#search = undefined;
      else if (tls === undefined) void this.#seekMismatch(peer);
    });
  }

  /** Probes whether a server that closed the connection uses TLS where this client does not, or the reverse. */
  #seekMismatch(peer: Peer | undefined): Promise<void> {
    if (peer === undefined) return Promise.resolve();
    const { tls, clock } = this.#options;
    const [speaksOther, mismatch] = tls === undefined ? [speaksTls, NEEDS_TLS] : [speaksPlaintext, NEEDS_PLAINTEXT];
    this.#search ??= speaksOther({ ...peer, clock, limitMs: SEARCH_MS }).then((isSo) => {
      if (isSo) this.#mismatch = mismatch;
    });
    return this.#search;
  }

  /** The peer of a socket; `undefined` for a unix socket and through a proxy. */
  #peerOf({ remoteAddress: host, remotePort: port }: Socket): Peer | undefined {
    return host === undefined || port === undefined || this.#options.proxy !== undefined ? undefined : { host, port };
  }

  /** Runs a step, and destroys the socket if it takes too long. */
  async #within<T>(socket: Socket, peer: string, step: Promise<T>): Promise<T> {
    using _ = this.#options.clock.after(this.#options.silenceMs, () => this.#endSilent(socket, peer));
    return await step;
  }

  #endSilent(socket: Socket, peer: string): void {
    const message = `${peer} accepts the connection but sends nothing for ${this.#options.silenceMs} ms`;
    socket.destroy(this.#fail({ message, mayPass: true }));
  }

  /** Stores the first failure of an attempt, and returns it as an error. */
  #fail(failure: DialFailure): Error {
    this.#failure ??= failure;
    return new Error(failure.message);
  }
}

function isCut({ code }: TlsError): boolean {
  return code === "ECONNRESET" || code === "EPIPE";
}

function ofTls(error: TlsError): DialFailure {
  return { message: error.reason ?? error.message, mayPass: isCut(error) };
}

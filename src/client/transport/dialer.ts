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

/** How the connections of one channel are opened. */
export interface DialOptions {
  readonly clock: Clock;
  /** Without it connections are plaintext. */
  readonly tls: { readonly context: SecureContext; readonly serverName: string } | undefined;
  readonly proxy: HttpProxy | undefined;
  /** How long proxy and server may each stay silent. */
  readonly silenceMs: number;
}

/** Why a connection did not come about. */
export interface DialFailure {
  readonly message: string;
  /** True if another attempt may fare better. */
  readonly mayPass: boolean;
}

/** An error of Node, perhaps of OpenSSL in it, which has its own words. */
type TlsError = NodeJS.ErrnoException & { readonly reason?: string };
type Peer = Pick<ProbeTarget, "host" | "port">;

/** How long a server is asked what it speaks. */
const SEARCH_MS = 2_000;

/** Less is no HTTP/2: a TLS server that gets plaintext sends an alert of 7 bytes, if anything. */
const FRAME_HEADER_BYTES = 9;

const NEEDS_TLS: DialFailure = {
  message: "the server speaks TLS and this client plaintext: set `tls`, on the command line --tls or --tls-ca",
  mayPass: false,
};
const NEEDS_PLAINTEXT: DialFailure = {
  message: "the server speaks plaintext and this client TLS: leave `tls` out, on the command line every --tls option",
  mayPass: false,
};

/** What grpc-js says of an answer that is no HTTP/2. */
const NO_HTTP2 = /protocol error|frame size/i;
/** What it says where it knows nothing. */
const NOTHING_KNOWN: ReadonlySet<string> = new Set(["undefined", "null", "", "Failed to connect"]);

/**
 * Takes a channel's connections from TCP to the point where HTTP/2 begins: through a proxy, by TLS, each within a time.
 * grpc-js itself names an IP address as TLS server name, waits without end for a peer that says nothing, and does not tell
 * why a proxy or a peer that speaks otherwise was of no use.
 */
export class Dialer extends ChannelCredentials {
  readonly #options: DialOptions;
  /** The latest socket to each of the server's addresses, by the credentials that grpc-js gets for that. */
  readonly #sockets = new WeakMap<CallCredentials, Socket>();
  #failure: DialFailure | undefined;
  /** What the server was found to speak instead. */
  #mismatch: DialFailure | undefined;
  /** That is looked for once, until a connection comes about. */
  #search: Promise<void> | undefined;

  constructor(options: DialOptions) {
    super();
    this.#options = options;
  }

  /** Why the latest connection did not come about; `known` is what grpc-js says of it. Soon, where that is being found out. */
  async explain(known: string): Promise<DialFailure> {
    await this.#search;
    const failure = this.#mismatch ?? this.#failure;
    if (failure !== undefined) return failure;
    if (this.#options.tls === undefined && NO_HTTP2.test(known))
      return { message: "the server does not speak HTTP/2 in plaintext; it may expect TLS", mayPass: false };
    return { message: NOTHING_KNOWN.has(known) ? "it ended at once" : known, mayPass: true };
  }

  /** What tells the server of one call over which connection it was sent. */
  source(): CallSource {
    return new CallSource(this.#sockets);
  }

  /** For grpc-js. */
  _isSecure(): boolean {
    return this.#options.tls !== undefined;
  }

  /** For grpc-js, whose channels share connections if their credentials are equal. */
  _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  /** For grpc-js. */
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

  /** Asks the proxy for a way to the server. */
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
        reject(this.#fail({ message: `the proxy opens no way to ${destination}: ${message}`, mayPass: true })),
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
        // RFC 6066 allows names alone.
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

  /** A peer that closes before it has sent anything whole, or says nothing at all, does not speak HTTP/2. */
  #awaitFirstFrame(socket: Socket): void {
    const { clock, silenceMs, tls } = this.#options;
    const before = socket.bytesRead;
    const peer = this.#peerOf(socket);
    const received = (): number => socket.bytesRead - before;
    const timer = clock.after(silenceMs, () => {
      if (received() === 0) this.#endSilent(socket, "the server");
    });
    // With TLS 1.3 a server refuses the client's certificate, or that there is none, afterwards.
    if (tls !== undefined) socket.once("error", (error) => received() === 0 && this.#fail(ofTls(error)));
    socket.once("close", () => {
      timer[Symbol.dispose]();
      if (received() >= FRAME_HEADER_BYTES) this.#mismatch = this.#search = undefined;
      else if (tls === undefined) void this.#seekMismatch(peer);
    });
  }

  /** Finds out whether a server that ended the connection speaks what this client does not. */
  #seekMismatch(peer: Peer | undefined): Promise<void> {
    if (peer === undefined) return Promise.resolve();
    const { tls, clock } = this.#options;
    const [speaksOther, mismatch] = tls === undefined ? [speaksTls, NEEDS_TLS] : [speaksPlaintext, NEEDS_PLAINTEXT];
    this.#search ??= speaksOther({ ...peer, clock, limitMs: SEARCH_MS }).then((isSo) => {
      if (isSo) this.#mismatch = mismatch;
    });
    return this.#search;
  }

  /** Where a socket leads to; `undefined` for a unix socket, and through a proxy. */
  #peerOf({ remoteAddress: host, remotePort: port }: Socket): Peer | undefined {
    return host === undefined || port === undefined || this.#options.proxy !== undefined ? undefined : { host, port };
  }

  /** Ends a socket on which a step takes too long. */
  async #within<T>(socket: Socket, peer: string, step: Promise<T>): Promise<T> {
    using _ = this.#options.clock.after(this.#options.silenceMs, () => this.#endSilent(socket, peer));
    return await step;
  }

  #endSilent(socket: Socket, peer: string): void {
    const message = `${peer} takes the connection and says nothing for ${this.#options.silenceMs} ms`;
    socket.destroy(this.#fail({ message, mayPass: true }));
  }

  /** Notes why, unless something before was the reason. */
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

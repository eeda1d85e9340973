import { type CallOptions, Client, Metadata, status } from "@grpc/grpc-js";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { Cancellation } from "../calls/deadline.ts";
import type { ResolvedTls } from "../options.ts";
import { Dialer } from "./dialer.ts";
import { endpointOf } from "./loopback.ts";
import type { HttpProxy } from "./proxy.ts";

/** A gRPC status as received or made up by the transport; nothing of it is verified. */
export interface RawStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
  /** True if the request surely has not begun at the server: no connection was there, or its stream was refused. */
  readonly unsent?: boolean;
  /** True if no connection could be made, for a reason that may pass. */
  readonly away?: boolean;
}

/** What came back for a unary request: the message's bytes if there was one, and the status. */
export interface RawReply {
  readonly message: Buffer | undefined;
  readonly status: RawStatus;
}

/** A stream of messages as bytes. */
export interface RawStream {
  /** The next message, or the status once the stream has ended. */
  next(): Promise<Buffer | RawStatus>;
  cancel(): void;
}

/** A stream on which both sides send when they like. */
export interface RawDuplex {
  write(message: Buffer): void;
  /** Says that no more messages come. */
  end(): void;
  cancel(): void;
  /** Lets the process end while the stream is open. */
  unref(): void;
}

/** Who hears of what comes on a {@link RawDuplex}. */
export interface DuplexListener {
  /** Called at most once, before the first message. */
  onMetadata(metadata: Metadata): void;
  onMessage(message: Buffer): void;
  /** Called once, after the last message. */
  onEnd(status: RawStatus): void;
}

/** What one request needs beside its bytes. */
export interface RawRequest {
  readonly path: string;
  readonly message: Buffer;
  /** How long the caller waits before it aborts `signal`; told to the server. Infinity: no limit. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly traceparent: string | undefined;
}

/** One server. Moves bytes: it neither parses, nor verifies, nor retries. */
export interface Endpoint {
  /** Sends one message and waits for the reply. Never rejects: a failure is a status. */
  unary(request: RawRequest): Promise<RawReply>;
  /** Sends one message and reads a stream of replies, no faster than they are asked for. */
  serverStream(request: RawRequest): RawStream;
  /** Opens a stream on which both sides send. Its metadata tells the server the source of the stream. */
  duplex(path: string, listener: DuplexListener): RawDuplex;
}

/** The way to one server, or to several that share the requests. */
export interface Transport extends Pick<Endpoint, "unary" | "serverStream"> {
  /** How many other servers an attempt that failed may turn to without a wait; 0 where there is no other. */
  readonly alternatives: number;
  /** The server that the next request is to go to. Never rejects: where there is none, every request to it fails. */
  next(until: Cancellation): Promise<Endpoint>;
  /** Takes no further requests; those under way may finish. */
  close(): void;
}

/** Stands for a server where there is none. */
export class NoEndpoint implements Endpoint {
  readonly #status: RawStatus;

  /** `status`: what every request comes to. */
  constructor(status: RawStatus) {
    this.#status = status;
  }

  async unary(): Promise<RawReply> {
    return { message: undefined, status: this.#status };
  }

  serverStream(): RawStream {
    return { next: async () => this.#status, cancel: () => {} };
  }

  duplex(_path: string, { onEnd }: DuplexListener): RawDuplex {
    queueMicrotask(() => onEnd(this.#status));
    return { write: () => {}, end: () => {}, cancel: () => {}, unref: () => {} };
  }
}

/** Where and how to connect. */
export interface ChannelOptions {
  /** A gRPC target. */
  readonly address: string;
  /** The name that the certificate must hold, unless the user gave one. Default: the host of the address. */
  readonly serverName?: string | undefined;
  readonly tls: ResolvedTls | undefined;
  readonly proxy: HttpProxy | undefined;
  readonly clock: Clock;
  readonly maxReceiveBytes: number;
  /** Silence before the connection of an open call is probed. */
  readonly keepaliveIntervalMs: number;
  /** Time for the answer to a probe, and for the first of a new connection; then it is given up. */
  readonly keepaliveTimeoutMs: number;
}

const DEADLINE_SLACK_MS = 1_000;

/** How grpc-js reports REFUSED_STREAM, by which a server says that it has done nothing; it does not pass the code on. */
const STREAM_REFUSED = "Stream refused by server";

/** How grpc-js reports that there is no connection; the last error is that of the socket. */
const NO_CONNECTION =
  /^No connection established\. Last error: (?:Error: )?(.*?)(?: \(\d{4}-[^)]*Z\))?\. Resolution note: /s;

const sameBytes = (bytes: Buffer): Buffer => bytes;
const OK: RawStatus = { code: status.OK, details: "", metadata: new Metadata() };

/** One gRPC channel, to one server. */
export class Channel implements Transport, Endpoint {
  readonly alternatives = 0;
  readonly #client: Client;
  readonly #dialer: Dialer;
  readonly #address: string;

  constructor(options: ChannelOptions) {
    const { address, tls, proxy, clock, keepaliveTimeoutMs } = options;
    const serverName = tls?.serverName ?? options.serverName;
    const authority = serverName ?? proxy?.destination;
    this.#address = proxy === undefined ? address : `${address} through the proxy ${proxy.target.replace(/^dns:/, "")}`;
    this.#dialer = new Dialer({
      clock,
      tls: tls && { context: tls.context, serverName: serverName ?? endpointOf(address)?.host ?? hostWithin(address) },
      proxy,
      silenceMs: keepaliveTimeoutMs,
    });
    this.#client = new Client(proxy?.target ?? address, this.#dialer, {
      // grpc-js would send the same bytes again, which the replay guard refuses: retries are ours, signed anew.
      "grpc.enable_retries": 0,
      "grpc.service_config_disable_resolution": 1,
      "grpc.max_receive_message_length": options.maxReceiveBytes,
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 5_000,
      "grpc.keepalive_time_ms": options.keepaliveIntervalMs,
      "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
      // The dialer sees to proxies.
      "grpc.enable_http_proxy": 0,
      ...(authority !== undefined && { "grpc.default_authority": authority }),
    });
  }

  /** There is only the one. */
  async next(): Promise<Endpoint> {
    return this;
  }

  unary(request: RawRequest): Promise<RawReply> {
    const { path, message, signal } = request;
    return new Promise((resolve) => {
      const call = this.#client.makeUnaryRequest(
        path,
        sameBytes,
        sameBytes,
        message,
        callMetadata(request),
        callOptions(request),
        (error, reply) => {
          signal.removeEventListener("abort", cancel);
          if (error === null) resolve({ message: reply, status: OK });
          else resolve(this.#failure(call, error).then((failed) => ({ message: reply, status: failed })));
        },
      );
      const cancel = (): void => call.cancel();
      signal.addEventListener("abort", cancel, { once: true });
      if (signal.aborted) cancel();
    });
  }

  serverStream(request: RawRequest): RawStream {
    const { path, message, signal } = request;
    const call = this.#client.makeServerStreamRequest(
      path,
      sameBytes,
      sameBytes,
      message,
      callMetadata(request),
      callOptions(request),
    );
    const cancel = (): void => call.cancel();
    const ended = new Promise<RawStatus>((resolve) => {
      call.on("status", (final: RawStatus) => {
        signal.removeEventListener("abort", cancel);
        resolve(this.#failure(call, final));
      });
    });
    // The status tells the same; without a listener the event would end the process.
    call.on("error", () => {});
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    const messages: AsyncIterator<Buffer> = call[Symbol.asyncIterator]();
    return {
      async next() {
        const step = await messages.next().catch(() => undefined);
        return step === undefined || step.done ? ended : step.value;
      },
      cancel,
    };
  }

  duplex(path: string, { onMetadata, onMessage, onEnd }: DuplexListener): RawDuplex {
    const source = this.#dialer.source();
    const call = this.#client.makeBidiStreamRequest<Buffer, Buffer>(path, sameBytes, sameBytes, {
      credentials: source,
    });
    call.on("metadata", onMetadata);
    call.on("data", onMessage);
    call.on("status", (final: RawStatus) => void this.#failure(call, final).then(onEnd));
    // The status tells the same; without a listener the event would end the process.
    call.on("error", () => {});
    return {
      write: (message) => void call.write(message),
      end: () => void call.end(),
      cancel: () => call.cancel(),
      unref: () => source.unref(),
    };
  }

  close(): void {
    this.#client.close();
  }

  /** grpc-js names the channel's target as the peer of a call that never got a stream; it knows once the call has ended. */
  #isUnsent(call: { getPeer(): string }): boolean {
    return call.getPeer() === this.#client.getChannel().getTarget();
  }

  async #failure(call: { getPeer(): string }, { code, details, metadata }: RawStatus): Promise<RawStatus> {
    if (!this.#isUnsent(call)) return { code, details, metadata, unsent: details === STREAM_REFUSED };
    // Whoever has given up waits for no explanation.
    if (code !== status.UNAVAILABLE) return { code, details, metadata, unsent: true };
    const [, known] = NO_CONNECTION.exec(details) ?? [];
    const { message, mayPass } = await this.#dialer.explain(known ?? details);
    const said = known === undefined ? details : `no connection to ${this.#address}: ${message}`;
    return { code, details: said, metadata, unsent: true, away: mayPass };
  }
}

/** The host of a target that only grpc-js can read. */
function hostWithin(target: string): string {
  if (target.startsWith("unix")) return "localhost";
  return endpointOf(target.replace(/^[^:/]+:(?:\/\/[^/]*\/)?/, "").split(",")[0] ?? "")?.host ?? target;
}

function callMetadata({ traceparent }: RawRequest): Metadata {
  const metadata = new Metadata();
  if (traceparent !== undefined) metadata.set("traceparent", traceparent);
  return metadata;
}

/**
 * grpc-js measures deadlines on the machine's clock, whichever clock the client was given. Its deadline comes a little
 * after the caller's own, which knows why it ends the call.
 */
function callOptions({ timeoutMs }: RawRequest): CallOptions {
  return timeoutMs === Infinity ? {} : { deadline: systemClock.nowMs() + timeoutMs + DEADLINE_SLACK_MS };
}

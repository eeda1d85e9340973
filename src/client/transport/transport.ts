import { type CallOptions, Client, Metadata, status } from "@grpc/grpc-js";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { endpointOf } from "../../wire/loopback.ts";
import { receivedStatus } from "../../wire/status.ts";
import type { Cancellation } from "../calls/deadline.ts";
import type { ResolvedTls } from "../options.ts";
import { Dialer } from "./dialer.ts";
import type { HttpProxy } from "./proxy.ts";

/** A gRPC status, received or created by the transport. It is not verified. */
export interface RawStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
  /** True if the server has not started the request: there was no connection, or its stream was refused. */
  readonly unsent?: boolean;
  /** `unsent` is what the peer says, which is not signed: another attempt need not wait, but nothing is proven. */
  readonly told?: boolean;
  /** True if no connection could be established, for a temporary reason. */
  readonly away?: boolean;
}

/** The reply to a unary request: the serialized message, if there was one, and the status. */
export interface RawReply {
  readonly message: Buffer | undefined;
  readonly status: RawStatus;
}

/** A stream of serialized messages. */
export interface RawStream {
  /** Returns the next message, or the status once the stream has ended. */
  next(): Promise<Buffer | RawStatus>;
  cancel(): void;
}

/** A bidirectional stream. */
export interface RawDuplex {
  write(message: Buffer): void;
  /** Half-closes the stream. */
  end(): void;
  cancel(): void;
  /** Allows the process to exit while the stream is open. */
  unref(): void;
}

/** Receives the events of a {@link RawDuplex}. */
export interface DuplexListener {
  /** Called at most once, before the first message. */
  onMetadata(metadata: Metadata): void;
  onMessage(message: Buffer): void;
  /** Called once, after the last message. */
  onEnd(status: RawStatus): void;
}

/** One request: its serialized message and its options. */
export interface RawRequest {
  readonly path: string;
  readonly message: Buffer;
  /** Time after which the caller aborts `signal`, sent to the server as the deadline. Infinity: no limit. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly traceparent: string | undefined;
  /** Sent only with `traceparent`. */
  readonly tracestate?: string | undefined;
}

/** One server. Transfers bytes without parsing, verifying or retrying. */
export interface Endpoint {
  /** Sends one message and waits for the reply. Never rejects: a failure is a status. */
  unary(request: RawRequest): Promise<RawReply>;
  /** Sends one message and reads a stream of replies with flow control. */
  serverStream(request: RawRequest): RawStream;
  /** Opens a bidirectional stream. Its metadata contains the source port of the connection. */
  duplex(path: string, listener: DuplexListener): RawDuplex;
}

/** Sends requests to one server or distributes them over several. */
export interface Transport extends Pick<Endpoint, "unary" | "serverStream"> {
  /** Number of other servers that a failed attempt may try without a delay. */
  readonly alternatives: number;
  /** Returns the server for the next request. Never rejects: without a server, every request to the result fails. */
  next(until: Cancellation): Promise<Endpoint>;
  /** Refuses further requests. Open ones may finish. */
  close(): void;
}

/** An endpoint without a server. All its requests fail. */
export class NoEndpoint implements Endpoint {
  readonly #status: RawStatus;

  /** `status`: the status of all requests. */
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

/** Options of a {@link Channel}. */
export interface ChannelOptions {
  /** A gRPC target. */
  readonly address: string;
  /** The name that the certificate must contain. `tls.serverName` overrides it. Default: the host of the address. */
  readonly serverName?: string | undefined;
  readonly tls: ResolvedTls | undefined;
  readonly proxy: HttpProxy | undefined;
  readonly clock: Clock;
  readonly maxReceiveBytes: number;
  /** Idle time after which the connection of an open call is probed. */
  readonly keepaliveIntervalMs: number;
  /** Maximum time for the answer to a probe, and for the first answer on a new connection, before it is closed. */
  readonly keepaliveTimeoutMs: number;
}

const DEADLINE_SLACK_MS = 50;

/**
 * The message of grpc-js for REFUSED_STREAM, with which a peer says that it has done nothing. The code is not reported.
 */
const STREAM_REFUSED = "Stream refused by server";

/** The message of grpc-js for a missing connection. The last error is that of the socket. */
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
      // grpc-js would resend the same bytes, which the replay guard refuses. The client signs each retry itself.
      "grpc.enable_retries": 0,
      "grpc.service_config_disable_resolution": 1,
      "grpc.max_receive_message_length": options.maxReceiveBytes,
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 5_000,
      "grpc.keepalive_time_ms": options.keepaliveIntervalMs,
      "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
      // The dialer handles proxies.
      "grpc.enable_http_proxy": 0,
      ...(authority !== undefined && { "grpc.default_authority": authority }),
    });
  }

  /** Returns the channel itself. */
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
    // The status has the same content. Without a listener the event would end the process.
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
    // The status has the same content. Without a listener the event would end the process.
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

  /** True if an ended call never had a stream. grpc-js then reports the channel's target as its peer. */
  #isUnsent(call: { getPeer(): string }): boolean {
    return call.getPeer() === this.#client.getChannel().getTarget();
  }

  async #failure(call: { getPeer(): string }, ended: Partial<RawStatus>): Promise<RawStatus> {
    const { code, details, metadata } = receivedStatus(ended);
    if (!this.#isUnsent(call)) {
      const isRefused = details === STREAM_REFUSED;
      return { code, details, metadata, unsent: isRefused, told: isRefused };
    }
    // The caller has given up and needs no explanation.
    if (code !== status.UNAVAILABLE) return { code, details, metadata, unsent: true };
    const [, known] = NO_CONNECTION.exec(details) ?? [];
    const { message, mayPass } = await this.#dialer.explain(known ?? details);
    const said = known === undefined ? details : `no connection to ${this.#address}: ${message}`;
    return { code, details: said, metadata, unsent: true, away: mayPass };
  }
}

/** The host in a target that {@link endpointOf} does not parse. */
function hostWithin(target: string): string {
  if (target.startsWith("unix")) return "localhost";
  return endpointOf(target.replace(/^[^:/]+:(?:\/\/[^/]*\/)?/, "").split(",")[0] ?? "")?.host ?? target;
}

function callMetadata({ traceparent, tracestate }: RawRequest): Metadata {
  const metadata = new Metadata();
  if (traceparent === undefined) return metadata;
  metadata.set("traceparent", traceparent);
  if (tracestate !== undefined) metadata.set("tracestate", tracestate);
  return metadata;
}

/**
 * grpc-js uses the system clock for deadlines, even if the client has another clock. Its deadline is slightly later
 * than the caller's own, which reports the reason.
 */
function callOptions({ timeoutMs }: RawRequest): CallOptions {
  return timeoutMs === Infinity ? {} : { deadline: systemClock.nowMs() + timeoutMs + DEADLINE_SLACK_MS };
}

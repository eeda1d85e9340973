import { type CallOptions, type ChannelCredentials, Client, credentials, Metadata, status } from "@grpc/grpc-js";
import { systemClock } from "../runtime/clock.ts";
import type { ClientTls } from "./options.ts";

/** A gRPC status as received or made up by the transport; nothing of it is verified. */
export interface RawStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
  /** True if the request surely has not begun at the server: no connection was there, or its stream was refused. */
  readonly unsent?: boolean;
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
}

/** Who hears of what comes on a {@link RawDuplex}. */
export interface DuplexListener {
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

/** Moves bytes: it neither parses, nor verifies, nor retries. */
export interface Transport {
  /** How many other servers an attempt that failed may turn to without a wait; 0 where there is no other. */
  readonly alternatives: number;
  /** Sends one message and waits for the reply. Never rejects: a failure is a status. */
  unary(request: RawRequest): Promise<RawReply>;
  /** Sends one message and reads a stream of replies, no faster than they are asked for. */
  serverStream(request: RawRequest): RawStream;
  /** Opens a stream on which both sides send. */
  duplex(path: string, listener: DuplexListener): RawDuplex;
  /** Takes no further requests; those under way may finish. */
  close(): void;
}

/** Where and how to connect. */
export interface ChannelOptions {
  /** A gRPC target. */
  readonly address: string;
  readonly tls: ClientTls | undefined;
  readonly maxReceiveBytes: number;
  /** Silence before the connection of an open call is probed. Default 60,000. */
  readonly keepaliveIntervalMs?: number;
  /** Time for the answer to a probe; then the connection is given up. Default 20,000. */
  readonly keepaliveTimeoutMs?: number;
}

const DEADLINE_SLACK_MS = 1_000;

/** How grpc-js reports REFUSED_STREAM, by which a server says that it has done nothing; it does not pass the code on. */
const STREAM_REFUSED = "Stream refused by server";

const sameBytes = (bytes: Buffer): Buffer => bytes;
const OK: RawStatus = { code: status.OK, details: "", metadata: new Metadata() };

/** One gRPC channel, to one server. */
export class Channel implements Transport {
  readonly alternatives = 0;
  readonly #client: Client;

  constructor({ address, tls, maxReceiveBytes, keepaliveIntervalMs, keepaliveTimeoutMs }: ChannelOptions) {
    this.#client = new Client(address, channelCredentials(tls), {
      // grpc-js would send the same bytes again, which the replay guard refuses: retries are ours, signed anew.
      "grpc.enable_retries": 0,
      "grpc.service_config_disable_resolution": 1,
      "grpc.max_receive_message_length": maxReceiveBytes,
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 5_000,
      "grpc.keepalive_time_ms": keepaliveIntervalMs ?? 60_000,
      "grpc.keepalive_timeout_ms": keepaliveTimeoutMs ?? 20_000,
      // Plaintext is meant for this machine alone, so it takes no detour that an environment variable names.
      ...(tls === undefined ? { "grpc.enable_http_proxy": 0 } : {}),
      ...(tls?.serverName === undefined
        ? {}
        : { "grpc.ssl_target_name_override": tls.serverName, "grpc.default_authority": tls.serverName }),
    });
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
          resolve({ message: reply, status: error === null ? OK : this.#failure(call, error) });
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

  duplex(path: string, { onMessage, onEnd }: DuplexListener): RawDuplex {
    const call = this.#client.makeBidiStreamRequest<Buffer, Buffer>(path, sameBytes, sameBytes);
    call.on("data", onMessage);
    call.on("status", (final: RawStatus) => onEnd(this.#failure(call, final)));
    // The status tells the same; without a listener the event would end the process.
    call.on("error", () => {});
    return {
      write: (message) => void call.write(message),
      end: () => void call.end(),
      cancel: () => call.cancel(),
    };
  }

  close(): void {
    this.#client.close();
  }

  /** grpc-js names the channel's target as the peer of a call that never got a stream. */
  #failure(call: { getPeer(): string }, { code, details, metadata }: RawStatus): RawStatus {
    const unsent = details === STREAM_REFUSED || call.getPeer() === this.#client.getChannel().getTarget();
    return { code, details, metadata, unsent };
  }
}

function channelCredentials(tls: ClientTls | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(tls.rootCertificates ?? null, tls.privateKey ?? null, tls.certificateChain ?? null);
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

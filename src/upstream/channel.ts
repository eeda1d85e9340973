import { Client, type ClientOptions, Metadata, status } from "@grpc/grpc-js";
import { MAX_RESULT_BYTES } from "../wire/limits.ts";
import { receivedStatus } from "../wire/status.ts";
import type { ChannelSecurity } from "./channel-security.ts";

/** Who ended a call. */
export type EndedBy =
  /** The upstream, by a status of its own. */
  | "upstream"
  /** There was no connection, or the upstream refused the stream: it has certainly not begun. */
  | "unsent"
  /** Nobody has sent a gRPC status: the connection was lost, the stream reset, or something in between answered in HTTP. */
  | "loss"
  /** The answer was larger than {@link MAX_RESULT_BYTES}. */
  | "size"
  /** The number of messages did not fit the method. */
  | "count";

/** The end of a call that did not succeed. */
export interface UpstreamStatus {
  readonly code: status;
  /** For the log. May contain addresses and texts of the upstream's libraries. */
  readonly details: string;
  readonly metadata: Metadata;
  readonly by: EndedBy;
}

/** A call to an upstream. */
export interface UpstreamRequest {
  /** gRPC path of the method. */
  readonly path: string;
  readonly message: Uint8Array;
  readonly metadata: Metadata;
  /** Unix milliseconds; Infinity: none. */
  readonly deadlineMs: number;
  /** Cancels the call. */
  readonly signal: AbortSignal | undefined;
}

/** A call with a stream of answers. */
export interface UpstreamStream {
  readonly messages: AsyncIterable<Buffer>;
  /** `undefined` for OK. Resolves when the call has ended. */
  readonly end: Promise<UpstreamStatus | undefined>;
  cancel(): void;
}

const bytes = (message: Uint8Array): Buffer =>
  Buffer.isBuffer(message) ? message : Buffer.from(message.buffer, message.byteOffset, message.byteLength);
const sameBytes = (message: Buffer): Buffer => message;

/** Messages of grpc-js, which reports these ends by no code of their own. test/upstream/channel.test.ts provokes each. */
const STREAM_REFUSED = "Stream refused by server";
const LOST = /^(?:Connection dropped|.*\b(?:ECONNRESET|ETIMEDOUT|EPIPE)\b.*|.*triggered by internal client error.*)$/s;
/** HTTP/2 resets and HTTP statuses, for which grpc-js chooses codes by which a tool could have reported its own failure. */
const NO_GRPC =
  /^(?:Bandwidth exhausted or memory limit exceeded|Protocol not secure enough|Received HTTP status code \d+)$/;
const TOO_LARGE = /^Received message (?:larger than max|that decompresses to a size larger than) /;
const WRONG_COUNT: ReadonlySet<string> = new Set(["No message received", "Too many responses received"]);

const wrongCount: UpstreamStatus = {
  code: status.UNIMPLEMENTED,
  details: "No message received",
  metadata: new Metadata(),
  by: "count",
};

const FIXED_OPTIONS: ClientOptions = {
  // A resent call could run a tool twice.
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.max_receive_message_length": MAX_RESULT_BYTES,
  "grpc.max_send_message_length": -1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
  "grpc.enable_http_proxy": 0,
  // Nobody reads its counts, which cost every call.
  "grpc.enable_channelz": 0,
  "grpc.use_local_subchannel_pool": 1,
};

/** One gRPC channel to one address of an upstream. Transfers bytes without parsing or retrying. */
export class UpstreamChannel {
  readonly #client: Client;

  constructor(address: string, { credentials, options }: ChannelSecurity) {
    this.#client = new Client(address, credentials, { ...FIXED_OPTIONS, ...options });
  }

  /**
   * Sends one message and waits for the answer. Never rejects. If the upstream answers twice, grpc-js waits until the
   * deadline; {@link single} costs more and does not.
   */
  unary({ path, message, metadata, deadlineMs, signal }: UpstreamRequest): Promise<Buffer | UpstreamStatus> {
    return new Promise((resolve) => {
      const call = this.#client.makeUnaryRequest(
        path,
        bytes,
        sameBytes,
        message,
        metadata,
        deadlineMs === Number.POSITIVE_INFINITY ? {} : { deadline: deadlineMs },
        (error, reply) => {
          signal?.removeEventListener("abort", cancel);
          if (error === null) resolve(reply as Buffer);
          else resolve(this.#ended(call, error));
        },
      );
      const cancel = (): void => call.cancel();
      if (signal?.aborted) cancel();
      else signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  /** Like {@link unary}, for calls that may take hours. */
  async single(request: UpstreamRequest): Promise<Buffer | UpstreamStatus> {
    const { messages, end, cancel } = this.stream(request);
    let answer: Buffer | undefined;
    for await (const message of messages) {
      if (answer !== undefined) {
        cancel();
        return { ...wrongCount, details: "Too many responses received" };
      }
      answer = message;
    }
    return (await end) ?? answer ?? wrongCount;
  }

  /** Sends one message and reads a stream of answers with flow control. */
  stream({ path, message, metadata, deadlineMs, signal }: UpstreamRequest): UpstreamStream {
    const call = this.#client.makeServerStreamRequest(
      path,
      bytes,
      sameBytes,
      message,
      metadata,
      deadlineMs === Number.POSITIVE_INFINITY ? {} : { deadline: deadlineMs },
    );
    const cancel = (): void => call.cancel();
    const end = new Promise<UpstreamStatus | undefined>((resolve) => {
      call.on("status", (final) => {
        signal?.removeEventListener("abort", cancel);
        resolve(final.code === status.OK ? undefined : this.#ended(call, final));
      });
    });
    // The status has the same content. Without a listener the event would end the process.
    call.on("error", () => {});
    if (signal?.aborted) cancel();
    else signal?.addEventListener("abort", cancel, { once: true });
    return { messages: readAll(call), end, cancel };
  }

  /** True if the address can be connected by then, Unix milliseconds. */
  connects(deadlineMs: number): Promise<boolean> {
    return new Promise((resolve) => this.#client.waitForReady(deadlineMs, (error) => resolve(error === undefined)));
  }

  close(): void {
    this.#client.close();
  }

  #ended(call: { getPeer(): string }, ended: Partial<UpstreamStatus>): UpstreamStatus {
    const { code, details, metadata } = receivedStatus(ended);
    return { code, details, metadata, by: this.#endedBy(call, details, metadata) };
  }

  #endedBy(call: { getPeer(): string }, details: string, metadata: Metadata): EndedBy {
    // grpc-js reports the channel's target as the peer of a call that never had a stream.
    if (call.getPeer() === this.#client.getChannel().getTarget()) return "unsent";
    // The answer was discarded here, and the metadata are those of a call that had succeeded.
    if (TOO_LARGE.test(details)) return "size";
    if (WRONG_COUNT.has(details)) return "count";
    if (Object.keys(metadata.getMap()).length > 0) return "upstream";
    if (details === STREAM_REFUSED) return "unsent";
    return LOST.test(details) || NO_GRPC.test(details) ? "loss" : "upstream";
  }
}

/** The messages until the call ends for any reason. */
async function* readAll(call: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const message of call) yield message;
  } catch {
    // The status has the reason.
  }
}

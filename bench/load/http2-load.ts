import { once } from "node:events";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { runCallers } from "./callers.ts";
import type { Interval, Load, Sample } from "./load.ts";

/** Options of {@link Http2Load}. */
export interface Http2LoadOptions {
  /** host:port. */
  readonly address: string;
  /** Number of connections. Default 1. */
  readonly connections?: number;
  /** gRPC path of the method. */
  readonly path: string;
  /** Makes one request message. Called for each call before the interval begins. */
  readonly makeMessage: () => Uint8Array;
  /** Bytes that every correct answer contains. */
  readonly expected: Uint8Array;
}

/**
 * Unary gRPC calls with node:http2 only. A gRPC client takes about twice the time of a server and would dominate the
 * measurement.
 */
export class Http2Load implements Load {
  readonly #options: Http2LoadOptions;
  readonly #sessions: readonly ClientHttp2Session[];
  #calls = 0;
  readonly #headers;
  readonly #expected: Buffer;
  #bodies: Buffer[] = [];

  private constructor(options: Http2LoadOptions, sessions: readonly ClientHttp2Session[]) {
    this.#options = options;
    this.#sessions = sessions;
    this.#expected = Buffer.from(options.expected);
    this.#headers = {
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: options.path,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
      [constants.HTTP2_HEADER_TE]: "trailers",
    };
  }

  /** Connects. The load is then ready. */
  static async connect(options: Http2LoadOptions): Promise<Http2Load> {
    const sessions = Array.from({ length: options.connections ?? 1 }, () => connect(`http://${options.address}`));
    await Promise.all(sessions.map((session) => once(session, "remoteSettings")));
    return new Http2Load(options, sessions);
  }

  prepare(count: number): void {
    this.#bodies = Array.from({ length: count }, () => grpcBody(this.#options.makeMessage()));
  }

  run(interval: Interval): Promise<Sample> {
    return runCallers({ ...interval, next: () => this.#bodies.pop(), send: (body) => this.#call(body) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) session.destroy();
  }

  #call(body: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const session = this.#sessions[this.#calls++ % this.#sessions.length] as ClientHttp2Session;
      const stream = session.request(this.#headers);
      const answer: Buffer[] = [];
      let status: string | undefined;
      stream.on("response", (headers) => (status = headers["grpc-status"] as string | undefined));
      stream.on("trailers", (trailers) => (status = trailers["grpc-status"] as string | undefined));
      stream.on("data", (chunk: Buffer) => answer.push(chunk));
      stream.on("error", reject);
      stream.on("end", () => {
        if (status !== "0") reject(new Error(`${this.#options.path} answered with gRPC status ${status}`));
        else if (Buffer.concat(answer).includes(this.#expected)) resolve();
        else reject(new Error(`${this.#options.path} answered ${Buffer.concat(answer).toString("hex")}`));
      });
      stream.end(body);
    });
  }
}

/** An uncompressed gRPC message with its length prefix. */
export function grpcBody(message: Uint8Array): Buffer {
  const body = Buffer.allocUnsafe(5 + message.length);
  body.writeUInt8(0, 0);
  body.writeUInt32BE(message.length, 1);
  body.set(message, 5);
  return body;
}

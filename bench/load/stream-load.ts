import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { runCallers } from "./callers.ts";
import { grpcBody } from "./http2-load.ts";
import type { Interval, Load, Sample } from "./load.ts";

/** A message on a stream, with the id of its answer. */
export interface StreamedMessage {
  readonly id: string;
  readonly message: Uint8Array;
}

/** Options of {@link StreamLoad}. */
export interface StreamLoadOptions {
  /** host:port. */
  readonly address: string;
  /** gRPC path of the method. */
  readonly path: string;
  /** Makes one request message. Called for each call before the interval begins. */
  readonly makeMessage: () => StreamedMessage;
  /** Returns the id of the message that an answer belongs to. */
  readonly idOf: (answer: Buffer) => string;
  /** Bytes that every correct answer contains. */
  readonly expected: Uint8Array;
}

const PREFIX_BYTES = 5;

/** Calls on one gRPC stream, answered in any order, with node:http2 only. */
export class StreamLoad implements Load {
  readonly #options: StreamLoadOptions;
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  readonly #expected: Buffer;
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  #messages: { readonly id: string; readonly body: Buffer }[] = [];
  #unread: Buffer = Buffer.alloc(0);

  private constructor(options: StreamLoadOptions, session: ClientHttp2Session) {
    this.#options = options;
    this.#session = session;
    this.#expected = Buffer.from(options.expected);
    this.#stream = session.request({
      ":method": "POST",
      ":path": options.path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    this.#stream.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#stream.on("trailers", (trailers) => this.#fail(`ended with gRPC status ${trailers["grpc-status"]}`));
    this.#stream.on("error", (error) => this.#fail(`ended: ${error.message}`));
  }

  /** Connects and opens the stream. */
  static async connect(options: StreamLoadOptions): Promise<StreamLoad> {
    const session = connect(`http://${options.address}`);
    await once(session, "remoteSettings");
    return new StreamLoad(options, session);
  }

  prepare(count: number): void {
    this.#messages = Array.from({ length: count }, () => {
      const { id, message } = this.#options.makeMessage();
      return { id, body: grpcBody(message) };
    });
  }

  run(interval: Interval): Promise<Sample> {
    return runCallers({
      ...interval,
      next: () => this.#messages.pop(),
      send: ({ id, body }) => {
        const answered = Promise.withResolvers<void>();
        this.#waiting.set(id, answered);
        this.#stream.write(body);
        return answered.promise;
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.destroy();
  }

  #read(chunk: Buffer): void {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    while (this.#unread.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + this.#unread.readUInt32BE(1);
      if (this.#unread.length < end) return;
      this.#settle(this.#unread.subarray(PREFIX_BYTES, end));
      this.#unread = this.#unread.subarray(end);
    }
  }

  #settle(answer: Buffer): void {
    const id = this.#options.idOf(answer);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting === undefined) this.#fail(`answered ${id}, which nobody asked`);
    else if (answer.includes(this.#expected)) waiting.resolve();
    else waiting.reject(new Error(`${this.#options.path} answered ${answer.toString("hex")}`));
  }

  #fail(what: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(`${this.#options.path} ${what}`));
    this.#waiting.clear();
  }
}

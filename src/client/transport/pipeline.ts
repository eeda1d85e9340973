import type { ClientCredentials } from "../../signing/key-ring/credentials.ts";
import type { Outcome } from "../calls/outcome.ts";
import { ClientCallStream, type ClientCallStreamOptions } from "./client-call-stream.ts";
import type { Endpoint } from "./transport.ts";

/** When calls share a stream; see the option `pipeline` of a client. */
export type PipelineMode = true | "auto";

/** Options of {@link Pipelines}. */
export interface PipelineOptions extends ClientCallStreamOptions {
  readonly mode: PipelineMode;
}

/** The properties of a call that decide how it is sent. */
export interface SendableCall {
  /** Size of its arguments. */
  readonly bytes: number;
  readonly traceparent: string | undefined;
  /** The credentials that sign it. */
  readonly credentials: ClientCredentials;
}

/** Maximum time between two calls that count as following each other. */
const BUSY_MS = 1_000;
/** Maximum number of open calls on a stream. A server does not process more at a time. */
const CALLS_MAX = 64;
/** Maximum size of arguments on a stream. Larger ones would delay the calls behind them. */
const BYTES_MAX = 64 * 1024;
/** Time without a new stream after one was not useful. Doubles each time. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 600_000;

/** The pipelines of one client, one for each server. */
export class Pipelines {
  readonly #options: PipelineOptions;
  readonly #byEndpoint = new WeakMap<Endpoint, Pipeline>();

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** Returns the pipeline of a server. */
  of(endpoint: Endpoint): Pipeline {
    let pipeline = this.#byEndpoint.get(endpoint);
    if (pipeline === undefined) {
      pipeline = new Pipeline(endpoint, this.#options);
      this.#byEndpoint.set(endpoint, pipeline);
    }
    return pipeline;
  }
}

/**
 * Decides for each call to one server whether it is sent over a stream. With "auto", a stream is opened when calls
 * overlap or follow each other within a second, and used once the server has confirmed that the stream leads directly
 * to it.
 */
export class Pipeline {
  readonly #endpoint: Endpoint;
  readonly #options: PipelineOptions;
  #stream: ClientCallStream | undefined;
  /** Number of open calls that are separate requests, and the time when the latest of them ended. */
  #single = 0;
  #singleEndedAtMs = -Infinity;
  /** Number of consecutive streams that were not useful, and the time until which no other is opened. */
  #useless = 0;
  #pausedUntilMs = -Infinity;

  constructor(endpoint: Endpoint, options: PipelineOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
  }

  /** Returns the stream for a call; `undefined` if the call is sent as a separate request. */
  streamFor({ bytes, traceparent, credentials }: SendableCall): ClientCallStream | undefined {
    const isAuto = this.#options.mode === "auto";
    const stream = this.#openWith(credentials);
    // Without headers a stream cannot carry a trace context.
    if (!isAuto && (traceparent === undefined || stream?.route !== undefined))
      return stream ?? this.#begin(credentials);
    if (stream === undefined) {
      if (this.#isBusy()) this.#begin(credentials);
      return undefined;
    }
    if (!isAuto) return undefined;
    if (stream.route === "relayed") stream.retire();
    return stream.route === "direct" && stream.size < CALLS_MAX && bytes <= BYTES_MAX ? stream : undefined;
  }

  /** True if a call was certainly not executed on the stream and must be sent as a separate request. */
  mustResend(stream: ClientCallStream, outcome: Outcome): boolean {
    if (this.#options.mode !== "auto") return false;
    if (outcome.kind === "unverified") return outcome.unsent === true && !outcome.forged;
    // The key may have too many streams. A separate request does not count as one.
    return outcome.kind === "refusal" && outcome.error.reason === "QUOTA_EXCEEDED" && !stream.hasServed;
  }

  /** A call starts as a separate request. */
  singleBegan(): void {
    this.#single += 1;
  }

  /** A call that was a separate request has ended. */
  singleEnded(): void {
    this.#single -= 1;
    this.#singleEndedAtMs = this.#options.clock.monotonicMs();
  }

  /** The current stream; `undefined` if it accepts no more calls. */
  get #open(): ClientCallStream | undefined {
    const stream = this.#stream;
    if (stream === undefined || stream.isOpen) return stream;
    this.#stream = undefined;
    this.#useless = stream.isUseful ? 0 : this.#useless + 1;
    if (this.#useless > 0) {
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(this.#useless - 1, 30), LONGEST_PAUSE_MS);
      this.#pausedUntilMs = this.#options.clock.monotonicMs() + pauseMs;
    }
    return undefined;
  }

  /** The current stream, if it is that of these credentials. That of others ends with its open calls. */
  #openWith(credentials: ClientCredentials): ClientCallStream | undefined {
    const stream = this.#open;
    if (stream === undefined || stream.credentials === credentials) return stream;
    stream.retire();
    this.#stream = undefined;
    return undefined;
  }

  #begin(credentials: ClientCredentials): ClientCallStream {
    this.#stream = new ClientCallStream(this.#endpoint, credentials, this.#options);
    return this.#stream;
  }

  #isBusy(): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs < this.#pausedUntilMs) return false;
    return this.#single > 0 || nowMs - this.#singleEndedAtMs < BUSY_MS;
  }
}

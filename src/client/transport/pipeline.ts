import type { Outcome } from "../calls/outcome.ts";
import { ClientCallStream, type ClientCallStreamOptions } from "./client-call-stream.ts";
import type { Endpoint } from "./transport.ts";

/** When calls share a stream: as the option `pipeline` of a client has it. */
export type PipelineMode = true | "auto";

/** What pipelines are made of. */
export interface PipelineOptions extends ClientCallStreamOptions {
  readonly mode: PipelineMode;
}

/** A call as far as it matters for how it is sent. */
export interface SendableCall {
  /** Size of its arguments. */
  readonly bytes: number;
  readonly traceparent: string | undefined;
}

/** A call that follows another within this time is one of many. */
const BUSY_MS = 1_000;
/** Most unanswered calls on a stream; a server works on no more at a time. */
const CALLS_MAX = 64;
/** Calls with larger arguments would hold up those behind them on a stream. */
const BYTES_MAX = 64 * 1024;
/** How long no stream is opened after one that was of no use; doubles. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 600_000;

/** The pipelines of one client, one for each server. */
export class Pipelines {
  readonly #options: PipelineOptions;
  readonly #byEndpoint = new WeakMap<Endpoint, Pipeline>();

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** The pipeline of a server. */
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
 * Decides for each call to one server whether it is sent over a stream. With "auto" the stream is opened when calls
 * overlap or follow each other closely, and used once the server has confirmed that it is the only one that answers on it.
 */
export class Pipeline {
  readonly #endpoint: Endpoint;
  readonly #options: PipelineOptions;
  #stream: ClientCallStream | undefined;
  /** Calls under way by a request of their own, and when the latest of them ended. */
  #single = 0;
  #singleEndedAtMs = -Infinity;
  /** Streams in a row that were of no use, and until when no other is opened. */
  #useless = 0;
  #pausedUntilMs = -Infinity;

  constructor(endpoint: Endpoint, options: PipelineOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
  }

  /** The stream that a call is to go over; `undefined` if it is to be a request of its own. */
  streamFor({ bytes, traceparent }: SendableCall): ClientCallStream | undefined {
    const isAuto = this.#options.mode === "auto";
    const stream = this.#open;
    // A stream without headers cannot carry a trace context.
    if (!isAuto && (traceparent === undefined || stream?.route !== undefined)) return stream ?? this.#begin();
    if (stream === undefined) {
      if (this.#isBusy()) this.#begin();
      return undefined;
    }
    if (!isAuto) return undefined;
    if (stream.route === "relayed") stream.retire();
    return stream.route === "direct" && stream.size < CALLS_MAX && bytes <= BYTES_MAX ? stream : undefined;
  }

  /** True if a call surely did not take effect by the stream that it was sent on, and is to be sent by itself. */
  mustResend(stream: ClientCallStream, outcome: Outcome): boolean {
    if (this.#options.mode !== "auto") return false;
    if (outcome.kind === "unverified") return outcome.unsent === true && !outcome.forged;
    // The key has too many streams, perhaps; by itself the call counts as none.
    return outcome.kind === "refusal" && outcome.error.reason === "QUOTA_EXCEEDED" && !stream.hasServed;
  }

  /** A call is sent by a request of its own. */
  singleBegan(): void {
    this.#single += 1;
  }

  /** It has come to an end. */
  singleEnded(): void {
    this.#single -= 1;
    this.#singleEndedAtMs = this.#options.clock.monotonicMs();
  }

  /** The stream, if it takes more calls. */
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

  #begin(): ClientCallStream {
    this.#stream = new ClientCallStream(this.#endpoint, this.#options);
    return this.#stream;
  }

  #isBusy(): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs < this.#pausedUntilMs) return false;
    return this.#single > 0 || nowMs - this.#singleEndedAtMs < BUSY_MS;
  }
}

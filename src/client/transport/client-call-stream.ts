import { type Metadata, status } from "@grpc/grpc-js";
import type { Clock } from "../../runtime/clock.ts";
import { LinkedList, type Place } from "../../runtime/linked-list.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { ClientCredentials } from "../../signing/key-ring/credentials.ts";
import { peekRequestId } from "../../signing/response/verify.ts";
import {
  CALL_HEADER_METADATA,
  MAX_CALL_TIMEOUT_MS,
  type StreamRoute,
  withCallHeader,
  writeCancelCall,
} from "../../wire/call-header.ts";
import { CALL_STREAM_METHOD } from "../../wire/limits.ts";
import { readStatusDetails } from "../../wire/status.ts";
import type { Deadline } from "../calls/deadline.ts";
import { type Expectation, type Outcome, readAnswer, readUnsigned } from "../calls/outcome.ts";
import type { Endpoint, RawDuplex, RawStatus } from "./transport.ts";

/** Options of a {@link ClientCallStream}. */
export interface ClientCallStreamOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends the stream when it aborts. Its calls then get no answer. */
  readonly closed: AbortSignal;
}

/** One signed attempt to send. */
export interface StreamedAttempt {
  readonly frame: Buffer;
  readonly requestSignature: Uint8Array;
  readonly requestId: string;
  /** Time limit of the caller; Infinity: no limit. */
  readonly timeoutMs: number;
  readonly traceparent: string | undefined;
  /** Sent only with `traceparent`. */
  readonly tracestate: string | undefined;
  /** Ends the wait for the answer. */
  readonly until: Pick<Deadline, "hasEnded" | "onEnd">;
}

/** A call without an answer. */
interface Pending {
  readonly expected: Expectation;
  /** Number of the request on its stream, from 1. */
  readonly number: number;
  /** `undefined` once the caller has given up. The answer is then discarded when it arrives. */
  resolve: ((outcome: Outcome) => void) | undefined;
  readonly until: StreamedAttempt["until"];
}

/** Time after which an idle stream is closed. */
const IDLE_MS = 1_000;
/** Age at which the stream is retired, long before a server ends it. */
const AGE_MS = 600_000;
/** Number of abandoned calls at which the stream is retired. */
const ABANDONED_MAX = 1_000;

/** The statuses of a normal end: OK, or a server that drains or was lost. */
const EXPECTED_ENDS: ReadonlySet<number> = new Set([status.OK, status.UNAVAILABLE]);

/**
 * The client's side of one ToolService.CallStream. Answers arrive in any order. Each is verified against the call with
 * its request id. A forged answer fails this call only. After an answer that matches no call, the stream accepts no
 * further calls. Every call settles with an {@link Outcome}.
 *
 * Searches calls from the oldest on. A server processes a few dozen calls at a time, so the search is short and faster
 * than a Map that changes with each call.
 */
export class ClientCallStream {
  /** The credentials of all calls on the stream: one frame with refused credentials ends the stream. */
  readonly credentials: ClientCredentials;
  readonly #options: ClientCallStreamOptions;
  readonly #stream: RawDuplex;
  readonly #openedAtMs: number;
  readonly #calls = new LinkedList<Pending>();
  readonly #onClosed = (): void => this.#cancel();
  #sent = 0;
  #abandoned = 0;
  #usedAtMs: number;
  #idleCheck: Disposable | undefined;
  #route: StreamRoute | undefined;
  #hasServed = false;
  #hasFailed = false;
  #isRetired = false;
  #isClosed = false;

  constructor(endpoint: Endpoint, credentials: ClientCredentials, options: ClientCallStreamOptions) {
    this.credentials = credentials;
    this.#options = options;
    this.#openedAtMs = options.clock.monotonicMs();
    this.#usedAtMs = this.#openedAtMs;
    this.#stream = endpoint.duplex(CALL_STREAM_METHOD, {
      onMetadata: (metadata) => this.#negotiate(metadata),
      onMessage: (message) => this.#take(message),
      onEnd: (ended) => this.#endWith(ended),
    });
    options.closed.addEventListener("abort", this.#onClosed, { once: true });
    this.#rest();
  }

  /** True while further calls may be sent on the stream. */
  get isOpen(): boolean {
    return !this.#isRetired;
  }

  /** The route that the server has reported. Calls may then have headers. `undefined`: none, or not yet. */
  get route(): StreamRoute | undefined {
    return this.#route;
  }

  /** Number of calls without an answer, including abandoned ones. */
  get size(): number {
    return this.#calls.size;
  }

  /** True once the server has answered a call. */
  get hasServed(): boolean {
    return this.#hasServed;
  }

  /** True if the stream leads directly to a server and has not failed. */
  get isUseful(): boolean {
    return this.#route === "direct" && !this.#hasFailed;
  }

  /** Sends one call and waits for its answer. Never rejects. */
  send(attempt: StreamedAttempt): Promise<Outcome> {
    const { frame, requestSignature, requestId, timeoutMs, traceparent, tracestate, until } = attempt;
    const { credentials } = this;
    return new Promise((resolve) => {
      this.#sent += 1;
      const expected = { credentials, requestSignature, requestId, sequence: 0 };
      const pending: Pending = { expected, number: this.#sent, resolve, until };
      this.#calls.add(pending);
      const header = { timeoutMs: timeoutOf(timeoutMs), traceparent, tracestate };
      this.#stream.write(this.#route === undefined ? frame : withCallHeader(frame, header));
      until.onEnd = () => this.#abandon(pending);
      if (until.hasEnded) this.#abandon(pending);
    });
  }

  /** Accepts no further calls. Ends when all calls are answered. */
  retire(): void {
    this.#isRetired = true;
    this.#rest();
  }

  /** Ends the stream immediately. Its calls get no answer. */
  #cancel(): void {
    this.#end((expected) => readUnsigned({ ...CUT, details: "the client was closed" }, expected.requestId));
    this.#stream.cancel();
  }

  #negotiate(metadata: Metadata): void {
    const [answer] = metadata.get(CALL_HEADER_METADATA);
    if (answer !== "direct" && answer !== "relayed") return;
    this.#route = answer;
    // The deadlines of open calls keep the process alive.
    this.#stream.unref();
    for (const { number, resolve } of this.#calls) if (resolve === undefined) this.#cancelCall(number);
  }

  #take(message: Buffer): void {
    const requestId = peekRequestId(message);
    let outcome: Outcome | undefined;
    const place = this.#calls.find(({ expected }) => {
      // The request id is empty if the server could not read the envelope.
      if (requestId !== "" && requestId !== expected.requestId) return false;
      outcome = readAnswer(message, expected);
      return outcome.kind !== "unverified";
    });
    if (outcome === undefined || (place === undefined && requestId === "")) this.#distrust();
    else if (place !== undefined) this.#conclude(place, outcome);
    else this.#failAll(requestId, outcome);
    this.#rest();
  }

  #conclude(place: Place<Pending>, outcome: Outcome): void {
    const pending = place.item;
    this.#calls.remove(place);
    this.#hasServed ||= outcome.kind === "answer";
    if (pending.resolve === undefined) this.#abandoned -= 1;
    else settle(pending, outcome);
  }

  /** Fails the calls with the request id of a forged answer. Several calls may have the same request id. */
  #failAll(requestId: string | undefined, forged: Outcome): void {
    const next = (): Place<Pending> | undefined => this.#calls.find(({ expected }) => expected.requestId === requestId);
    for (let place = next(); place !== undefined; place = next()) this.#conclude(place, forged);
  }

  /** Retires the stream. It is unknown which call the invalid answer belongs to; that call gets no answer. */
  #distrust(): void {
    this.#hasFailed = true;
    this.#isRetired = true;
    this.#options.logger.warn(
      {},
      "a call stream received an answer to none of its calls; no further calls are sent on it",
    );
  }

  #abandon(pending: Pending): void {
    if (pending.resolve === undefined) return;
    this.#abandoned += 1;
    settle(pending, readUnsigned({ ...CUT, details: "the caller gave up" }, pending.expected.requestId));
    if (this.#route !== undefined) this.#cancelCall(pending.number);
    this.#rest();
  }

  #cancelCall(number: number): void {
    this.#stream.write(writeCancelCall(number));
  }

  #endWith(ended: RawStatus): void {
    if (!this.#isClosed) this.#hasFailed ||= !EXPECTED_ENDS.has(ended.code);
    this.#end((expected) => readUnsigned(asFailure(ended), expected.requestId));
  }

  #end(outcomeOf: (expected: Expectation) => Outcome): void {
    this.#isRetired = true;
    this.#isClosed = true;
    this.#letGo();
    for (let place = this.#calls.first; place !== undefined; place = this.#calls.first) {
      this.#conclude(place, outcomeOf(place.item.expected));
    }
  }

  /** Retires the stream when it is too old, and closes it when it is idle or retired. */
  #rest(): void {
    if (this.#isClosed) return;
    const nowMs = this.#options.clock.monotonicMs();
    this.#usedAtMs = nowMs;
    if (nowMs - this.#openedAtMs >= AGE_MS || this.#abandoned >= ABANDONED_MAX) this.#isRetired = true;
    if (this.#calls.size > this.#abandoned) return;
    if (this.#isRetired) this.#close();
    else this.#idleCheck ??= this.#options.clock.after(IDLE_MS, () => this.#checkIdle());
  }

  #checkIdle(): void {
    this.#idleCheck = undefined;
    if (this.#calls.size > this.#abandoned) return;
    const leftMs = this.#usedAtMs + IDLE_MS - this.#options.clock.monotonicMs();
    if (leftMs <= 0) this.retire();
    else this.#idleCheck = this.#options.clock.after(leftMs, () => this.#checkIdle());
  }

  /** Closes the stream. Abandoned calls are cancelled. */
  #close(): void {
    this.#isClosed = true;
    this.#letGo();
    if (this.#abandoned > 0) this.#stream.cancel();
    else this.#stream.end();
  }

  #letGo(): void {
    this.#idleCheck?.[Symbol.dispose]();
    this.#options.closed.removeEventListener("abort", this.#onClosed);
  }
}

function settle(pending: Pending, outcome: Outcome): void {
  pending.until.onEnd = undefined;
  pending.resolve?.(outcome);
  pending.resolve = undefined;
}

const CUT = { code: status.CANCELLED, details: "" };

function timeoutOf(timeoutMs: number): number | undefined {
  return timeoutMs === Infinity ? undefined : Math.min(Math.max(1, Math.ceil(timeoutMs)), MAX_CALL_TIMEOUT_MS);
}

/**
 * The status for open calls when the stream ends. A stream that ends with OK, or with a reason of the server, has
 * answered all frames that the server had read, so open calls were not executed; the end is not signed, so that this is no
 * proof. Without a reason, they may have been.
 */
function asFailure({ code, details, metadata, ...rest }: RawStatus): Omit<RawStatus, "metadata"> {
  if (code === status.OK) {
    return { code: status.UNAVAILABLE, details: "the stream ended before the answer", unsent: true, told: true };
  }
  if (rest.unsent !== true && readStatusDetails(metadata)?.reason !== undefined) {
    return { code, details, ...rest, unsent: true, told: true };
  }
  return { code, details, ...rest };
}

/* The file is long because a call stream is one state machine, whose parts share all of its state. */

import {
  Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerListener,
  status as Status,
} from "@grpc/grpc-js";
import { SealwireError } from "../../errors.ts";
import { LinkedList, type Place } from "../../runtime/linked-list.ts";
import type { TickLimiter } from "../../runtime/tick-limiter.ts";
import {
  CALL_HEADER_METADATA,
  type CallHeader,
  NO_HEADER,
  readStreamMessage,
  type StreamMessage,
  type StreamRoute,
  sourceOf,
} from "../../wire/call-header.ts";
import { CALL_STREAM_METHOD } from "../../wire/limits.ts";
import { type GrpcFailure, toGrpcFailure } from "../../wire/status.ts";
import { readTraceparent, readTracestate } from "../../wire/traceparent.ts";
import type { CallOutcome } from "../request/execution.ts";
import { type RequestOrigin, requestTooSlow, SignedRequest } from "../request/request.ts";
import { MessageIntake } from "./message-intake.ts";
import { type Reader, type Reading, tooManyRequests } from "./read-budget.ts";
import { exceedsLimit, metadataTooLarge } from "./request-metadata.ts";
import { StreamedCall } from "./streamed-call.ts";
import { ENDED_WELL, endUnexpectedly, type UnaryCallOptions } from "./unary-call.ts";

/** Options of a {@link CallStream}. */
export interface CallStreamOptions extends UnaryCallOptions {
  /** Limits the time per turn of the event loop that is spent on calls of streams. */
  readonly streamTickLimiter: TickLimiter;
  /** Maximum time that a stream may stay open. */
  readonly streamTimeoutMs: number;
  /** Maximum number of calls in flight on one stream. At the limit, no further frames are read. */
  readonly callsPerStreamMax: number;
}

/** The gRPC status with which a stream ends. */
type StreamStatus = Pick<GrpcFailure, "code" | "details"> & Partial<GrpcFailure>;

/** A received request whose execution has not started. */
type StreamedRequest = Extract<StreamMessage, { kind: "request" }>;

/**
 * One ToolService.CallStream. Each frame is a separate call, which is verified and answered independently.
 *
 * Frames are read one at a time, and none while too many calls are in flight. A call is in flight until its answer has
 * been written to the connection. A client that does not read its answers therefore blocks its own calls and cannot
 * exhaust the server's memory. Until a frame is accepted, reads count against the memory for unverified bytes. After
 * that the stream counts against the limits of the frame's key.
 *
 * If the client asked for headers, one frame beyond the limit is read and kept, so that the cancellations that follow
 * it can be read.
 *
 * Replaces the stream object that grpc-js creates between interceptor and handler, which would add two queues per
 * frame.
 */
export class CallStream extends ServerInterceptingCall implements Reader {
  readonly #call: ServerInterceptingCallInterface;
  readonly #options: CallStreamOptions;
  readonly #calls = new LinkedList<StreamedCall>();
  readonly #cleanUp: Disposable[] = [];
  #origin: RequestOrigin | undefined;
  /** True if frames may have headers. */
  #hasHeaders = false;
  /** Number of requests started so far. */
  #begun = 0;
  #waiting = 0;
  /** A received request that waits until fewer calls are in flight. */
  #kept: StreamedRequest | undefined;
  #isTrusted = false;
  #isReading = false;
  #isPulling = false;
  #intake: MessageIntake | undefined;
  /** Set while the stream waits for a frame and no frame has been accepted. */
  #reading: Reading | undefined;
  /** Set once no more frames are read: the status to send after the calls in flight are answered. */
  #ending: StreamStatus | undefined;
  #isOver = false;

  constructor(call: ServerInterceptingCallInterface, options: CallStreamOptions) {
    super(call, { start: (next) => next(this.#listener()) });
    this.#call = call;
    this.#options = options;
  }

  /** The rest of a partly received frame may be read. */
  read(): void {
    this.#intake?.goOn();
  }

  /** The first request did not arrive in time. */
  expire(): void {
    this.#guard(() => this.#fail(requestTooSlow()));
  }

  get waitingBytes(): number {
    return this.#intake?.waitingBytes ?? 0;
  }

  /** Too many unverified requests are open, and this connection has the most. */
  crowdOut(): void {
    this.#guard(() => this.#fail(tooManyRequests()));
  }

  #listener(): ServerListener {
    return {
      onReceiveMetadata: (metadata) =>
        this.#guard(() => {
          this.#origin = {
            method: CALL_STREAM_METHOD,
            peer: this.#call.getPeer(),
            traceparent: readTraceparent(metadata),
            tracestate: readTracestate(metadata),
            deadlineMs: Infinity,
            onWaiting: (change) => {
              this.#waiting += change;
              this.#goOn();
            },
          };
          if (exceedsLimit(metadata)) this.#fail(metadataTooLarge());
          else this.#open(metadata);
        }),
      onReceiveMessage: (message) => {
        try {
          this.#isReading = false;
          if (this.#ending === undefined) this.#receive(message as Uint8Array);
          this.#goOn();
        } catch (thrown) {
          this.#abort(thrown);
        }
      },
      onReceiveHalfClose: () => this.#guard(() => this.#endWith(ENDED_WELL)),
      onCancel: () => this.#guard(() => this.#cancel()),
    };
  }

  #open(metadata: Metadata): void {
    this.#negotiate(metadata);
    this.#intake = new MessageIntake(this.#call, false, (bytes) => this.#reading?.reserve(bytes) ?? true);
    const { clock, execution, streamTimeoutMs } = this.#options;
    const { drain } = execution;
    const age = clock.after(streamTimeoutMs, () =>
      this.#guard(() => this.#endWith(toGrpcFailure(new SealwireError("WATCH_EXPIRED")))),
    );
    const onDrain = (): void => this.#guard(() => this.#endWith(toGrpcFailure(drain.signal.reason)));
    drain.signal.addEventListener("abort", onDrain, { once: true });
    this.#cleanUp.push(age, {
      [Symbol.dispose]: () => drain.signal.removeEventListener("abort", onDrain),
    });
    if (drain.signal.aborted) onDrain();
    else this.#goOn();
  }

  /** Confirms headers to a client that asked for them, before it sends a frame. */
  #negotiate(metadata: Metadata): void {
    const [source] = metadata.get(CALL_HEADER_METADATA);
    if (source === undefined) return;
    this.#hasHeaders = true;
    const { remotePort } = this.#call.getConnectionInfo();
    const route: StreamRoute = source === sourceOf(remotePort) ? "direct" : "relayed";
    const answer = new Metadata();
    answer.set(CALL_HEADER_METADATA, route);
    this.#call.sendMetadata(answer);
  }

  #receive(bytes: Uint8Array): void {
    let message: StreamMessage;
    try {
      message = this.#hasHeaders ? readStreamMessage(bytes) : { kind: "request", frame: bytes, header: NO_HEADER };
    } catch (thrown) {
      this.#fail(SealwireError.from(thrown));
      return;
    }
    if (message.kind === "cancel") this.#cancelCall(message.call);
    else if (this.#hasRoom()) this.#begin(message);
    else this.#kept = message;
  }

  #begin({ frame, header }: StreamedRequest): void {
    this.#stopFirstRead();
    const { clock, execution } = this.#options;
    const request = new SignedRequest(this.#options, this.#originOf(header));
    this.#begun += 1;
    try {
      request.authenticate(frame);
    } catch (thrown) {
      this.#fail(request.refusalOf(thrown), request);
      return;
    }
    const call = new StreamedCall(request, this.#begun);
    const { timeoutMs = Infinity } = header;
    if (timeoutMs < execution.timeLimit.limitMs) call.allow(timeoutMs, clock, (body) => this.#guard(body));
    void this.#serve(call, this.#calls.add(call));
  }

  #originOf({ traceparent, tracestate }: CallHeader): RequestOrigin {
    const origin = this.#origin as RequestOrigin;
    return traceparent === undefined ? origin : { ...origin, traceparent, tracestate };
  }

  /** Ignores calls that have ended. Before a request is accepted, the time limit for the first one still applies. */
  #cancelCall(number: number): void {
    const place = this.#calls.find((call) => call.number === number);
    place?.item.stop(new SealwireError("CANCELLED", "The caller cancelled the call."));
  }

  async #serve(call: StreamedCall, place: Place<StreamedCall>): Promise<void> {
    const { request } = call;
    try {
      await request.accept();
      if (request.hasEnded) return;
      this.#trust(request);
      this.#options.streamTickLimiter.run(() => this.#execute(call, place), request.envelope.clientId);
    } catch (thrown) {
      this.#answer(place, request.refusalOf(thrown));
    }
  }

  #execute(call: StreamedCall, place: Place<StreamedCall>): void {
    const { request } = call;
    if (request.hasEnded) return;
    try {
      call.execute(this.#options.execution, (outcome) => this.#answer(place, outcome));
    } catch (thrown) {
      this.#answer(place, request.refusalOf(thrown));
    }
  }

  /** Counts the stream against the key of its first accepted frame. Throws QUOTA_EXCEEDED. */
  #trust({ key }: SignedRequest): void {
    if (this.#isTrusted) return;
    try {
      this.#cleanUp.push(this.#options.admission.openStream(key));
    } catch (thrown) {
      this.#endWith(toGrpcFailure(SealwireError.from(thrown)));
      throw thrown;
    }
    this.#isTrusted = true;
    this.#intake?.askAgain();
    this.#goOn();
  }

  #answer(place: Place<StreamedCall>, outcome: CallOutcome): void {
    const { request } = place.item;
    if (request.hasEnded) return;
    try {
      place.item.endTime();
      const isRefused = outcome instanceof SealwireError;
      const code = isRefused ? Status[outcome.status] : Status.OK;
      // The callback runs once the bytes are written to the connection, which a slow reader delays.
      this.#call.sendMessage(isRefused ? request.signRefusal(outcome, 0) : outcome, () =>
        this.#guard(() => {
          this.#calls.remove(place);
          request.end(code);
          this.#goOn();
        }),
      );
    } catch (thrown) {
      this.#abort(thrown);
    }
  }

  /** Runs a callback of grpc-js or of a timer. An error ends the stream. */
  #guard(body: () => void): void {
    try {
      body();
    } catch (thrown) {
      this.#abort(thrown);
    }
  }

  /** Ends the stream and its calls in flight after an unexpected error. */
  #abort(thrown: unknown): void {
    this.#ending ??= toGrpcFailure(SealwireError.from(thrown));
    this.#isOver = true;
    endUnexpectedly(this.#call, this.#options.logger, thrown);
    for (const call of this.#calls) {
      call.request.abandon();
      call.cancel();
    }
    this.#letGo();
  }

  /** Reads the next frame if the limits allow, or ends the stream if it is complete. */
  #goOn(): void {
    if (this.#isOver) return;
    this.#beginKept();
    if (this.#ending !== undefined) {
      if (this.#calls.size > 0) return;
      this.#isOver = true;
      this.#call.sendStatus(this.#ending);
    } else if (this.#isTrusted) {
      this.#pull();
    } else if (this.#calls.size === 0 && !this.#isReading) {
      this.#readFirst(this.#intake as MessageIntake);
    }
  }

  #beginKept(): void {
    const kept = this.#kept;
    if (kept === undefined || !this.#hasRoom()) return;
    this.#kept = undefined;
    this.#begin(kept);
  }

  /** Reads a frame while none has been accepted. */
  #readFirst(intake: MessageIntake): void {
    this.#isReading = true;
    this.#reading ??= this.#options.readBudget.enter(intake.connection, this);
    this.#call.startRead();
    if (this.#isReading) intake.askAgain();
  }

  /** Buffered frames are delivered synchronously by startRead. A loop avoids one level of recursion per frame. */
  #pull(): void {
    if (this.#isPulling) return;
    this.#isPulling = true;
    while (!this.#isReading && this.#ending === undefined && this.#mayRead()) {
      this.#isReading = true;
      this.#call.startRead();
    }
    this.#isPulling = false;
  }

  #mayRead(): boolean {
    return this.#hasRoom() || (this.#hasHeaders && this.#kept === undefined);
  }

  /** True if another call may start. Long-polls that wait do not count: they are limited as watches are. */
  #hasRoom(): boolean {
    return this.#calls.size - this.#waiting < this.#options.callsPerStreamMax;
  }

  /** Releases everything that the stream holds, except its calls. */
  #letGo(): void {
    this.#stopFirstRead();
    this.#intake?.stop();
    for (const each of this.#cleanUp.splice(0)) each[Symbol.dispose]();
  }

  #stopFirstRead(): void {
    this.#reading?.close();
    this.#reading = undefined;
  }

  /** Ends the stream because of an error in a frame or in the stream. The status is unsigned, as the key is unknown. */
  #fail(error: SealwireError, request = new SignedRequest(this.#options, this.#origin as RequestOrigin)): void {
    const failure = request.refuse(error, 0);
    request.end(failure.code);
    this.#endWith(failure);
  }

  #endWith(ending: StreamStatus): void {
    this.#ending ??= ending;
    // A client that has half-closed the stream still gets answers to all its frames.
    if (ending !== ENDED_WELL) this.#kept = undefined;
    this.#stopFirstRead();
    this.#intake?.stop();
    this.#goOn();
  }

  /** grpc-js calls this also after the status was sent. */
  #cancel(): void {
    this.#isOver = true;
    this.#letGo();
    for (const call of this.#calls) {
      call.request.end(Status.CANCELLED);
      call.cancel();
    }
  }
}

/* One state machine, whose states no part can change without the others: so one file, although it is long. */

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
import type { CallOutcome } from "../request/execution.ts";
import { type RequestOrigin, requestTooSlow, SignedRequest } from "../request/request.ts";
import { MessageIntake } from "./message-intake.ts";
import { type Reader, type Reading, tooManyRequests } from "./read-budget.ts";
import { exceedsLimit, metadataTooLarge, readTraceparent } from "./request-metadata.ts";
import { StreamedCall } from "./streamed-call.ts";
import { ENDED_WELL, endUnexpectedly, type UnaryCallOptions } from "./unary-call.ts";

/** What a {@link CallStream} uses. */
export interface CallStreamOptions extends UnaryCallOptions {
  /** Bounds what calls of streams take of a turn of the event loop, by time alone. */
  readonly streamTickLimiter: TickLimiter;
  /** Longest that a stream may stay open. */
  readonly streamTimeoutMs: number;
  /** Most calls in flight on one stream; further frames are not read meanwhile. */
  readonly callsPerStreamMax: number;
}

/** The gRPC status with which a stream ends. */
type StreamStatus = Pick<GrpcFailure, "code" | "details"> & Partial<GrpcFailure>;

/** A request that has not begun. */
type StreamedRequest = Extract<StreamMessage, { kind: "request" }>;

/**
 * One ToolService.CallStream: every frame is a call of its own, verified by itself and answered when it is done.
 *
 * Frames are read one after the other, and none while too many calls are in flight. A call is in flight until its
 * answer has left, so a reader that does not read stops its own calls and does not use up the server's memory. Until a
 * frame is accepted, each read takes a share of the memory for unverified bytes; from then on the stream counts for the
 * key of that frame.
 *
 * Where the client has asked for headers, one frame more is read than there is room for, and kept: cancellations of the
 * calls in flight come behind it.
 *
 * It replaces grpc-js's own stream object between interceptor and handler, which would cost every frame two more queues.
 */
export class CallStream extends ServerInterceptingCall implements Reader {
  readonly #call: ServerInterceptingCallInterface;
  readonly #options: CallStreamOptions;
  readonly #calls = new LinkedList<StreamedCall>();
  readonly #cleanUp: Disposable[] = [];
  #origin: RequestOrigin | undefined;
  /** True if frames may have headers. */
  #hasHeaders = false;
  /** How many requests were begun. */
  #begun = 0;
  #waiting = 0;
  /** A request for which there is no room yet. */
  #kept: StreamedRequest | undefined;
  #isTrusted = false;
  #isReading = false;
  #isPulling = false;
  #intake: MessageIntake | undefined;
  /** While the stream waits for a frame and is not trusted yet. */
  #reading: Reading | undefined;
  /** Set once no more frames are taken: how the stream ends when the calls in flight are answered. */
  #ending: StreamStatus | undefined;
  #isOver = false;

  constructor(call: ServerInterceptingCallInterface, options: CallStreamOptions) {
    super(call, { start: (next) => next(this.#listener()) });
    this.#call = call;
    this.#options = options;
  }

  /** There is room for the frame of which a part has come. */
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

  /** Too many unverified requests are open, most of them on this connection. */
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

  /** Answers a client that knows headers, before it sends anything. */
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

  #originOf({ traceparent }: CallHeader): RequestOrigin {
    const origin = this.#origin as RequestOrigin;
    return traceparent === undefined ? origin : { ...origin, traceparent };
  }

  /** Ignores calls that have ended. Where no request was accepted yet, one must still come in time. */
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

  /** A frame was accepted: whoever sent it may send on. Throws QUOTA_EXCEEDED. */
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
      // The callback comes once the bytes have gone to the connection, which a slow reader holds up.
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

  /** Runs what grpc-js or a timer calls. */
  #guard(body: () => void): void {
    try {
      body();
    } catch (thrown) {
      this.#abort(thrown);
    }
  }

  /** Ends the stream, and what is in flight on it, for an error that was not foreseen. */
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

  /** Reads on if there is room, or ends the stream if that is all that is left to do. */
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

  /** Reads a frame of somebody who is not trusted yet. */
  #readFirst(intake: MessageIntake): void {
    this.#isReading = true;
    this.#reading ??= this.#options.readBudget.enter(intake.connection, this);
    this.#call.startRead();
    if (this.#isReading) intake.askAgain();
  }

  /** Frames that are at hand arrive inside startRead: a loop, where recursion would be as deep as they are many. */
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

  /** Polls that wait hold nobody up: those are limited as watches are. */
  #hasRoom(): boolean {
    return this.#calls.size - this.#waiting < this.#options.callsPerStreamMax;
  }

  /** Gives back what the stream holds, beside its calls. */
  #letGo(): void {
    this.#stopFirstRead();
    this.#intake?.stop();
    for (const each of this.#cleanUp.splice(0)) each[Symbol.dispose]();
  }

  #stopFirstRead(): void {
    this.#reading?.close();
    this.#reading = undefined;
  }

  /** Ends the stream for what is wrong with a frame, or with all of it; nobody is known to sign the answer for. */
  #fail(error: SealwireError, request = new SignedRequest(this.#options, this.#origin as RequestOrigin)): void {
    const failure = request.refuse(error, 0);
    request.end(failure.code);
    this.#endWith(failure);
  }

  #endWith(ending: StreamStatus): void {
    this.#ending ??= ending;
    // A client that sends no more has a right to the answer to all that it has sent.
    if (ending !== ENDED_WELL) this.#kept = undefined;
    this.#stopFirstRead();
    this.#intake?.stop();
    this.#goOn();
  }

  /** Comes after the status, too. */
  #cancel(): void {
    this.#isOver = true;
    this.#letGo();
    for (const call of this.#calls) {
      call.request.end(Status.CANCELLED);
      call.cancel();
    }
  }
}

/* The file is long because a request is one state from its frame to its answer, and the record of it for observers. */

import { status as Status } from "@grpc/grpc-js";
import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { KeyRing, VerificationKey } from "../../signing/key-ring/types.ts";
import {
  type AuthenticatedRequest,
  type ClaimedKey,
  checkEnvelope,
  type RequestAuthenticator,
  UnprovenFrameError,
} from "../../signing/request/verify.ts";
import { signResponse } from "../../signing/response/sign.ts";
import type { FrameWindow, ReplayGuard } from "../../store/store.ts";
import { type Answer, failure, toResponse } from "../../tools/answer.ts";
import type { VerifiedEnvelope, VerifiedRequest } from "../../tools/invocation.ts";
import type { OpenSpan } from "../../tracing/open-span.ts";
import type { Tracing } from "../../tracing/tracing.ts";
import { readEnvelope } from "../../validation/envelope.ts";
import { WATCH_JOB_METHOD } from "../../wire/limits.ts";
import { type GrpcFailure, toGrpcFailure } from "../../wire/status.ts";
import { traceIdOf } from "../../wire/traceparent.ts";
import type { CallObserver, CallRecord, TraceIds } from "./access-log.ts";
import type { Admission, Permit } from "./admission.ts";
import { endCallSpan } from "./call-span.ts";
import type { FrameStamp, RefusedFrameCache } from "./refused-frame-cache.ts";

/** The services that a {@link SignedRequest} uses to verify a request and to sign its answer. */
export interface RequestServices {
  readonly authenticator: RequestAuthenticator;
  readonly ring: () => KeyRing;
  readonly admission: Admission;
  readonly refused: RefusedFrameCache;
  readonly replay: ReplayGuard;
  /** The window that `refused` and `replay` were created with. */
  readonly window: FrameWindow;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observers: readonly CallObserver[];
  /** Starts the spans of calls; `undefined`: none are made. */
  readonly tracing: Tracing | undefined;
  /** Called with the id of each key whose request was accepted. */
  readonly onKeyUsed: (keyId: string) => void;
}

/** The origin of a request. The frames of one stream share it. */
export interface RequestOrigin {
  /** gRPC path of the RPC. */
  readonly method: string;
  readonly peer: string;
  /** W3C trace context, unsigned. */
  readonly traceparent: string | undefined;
  /** W3C tracestate, unsigned; only read together with `traceparent`. */
  readonly tracestate: string | undefined;
  /** The caller's deadline, in Unix milliseconds; Infinity: none. */
  readonly deadlineMs: number;
  /** Called with 1 when a call starts to wait as a long-poll, and with -1 when it stops waiting. */
  readonly onWaiting?: (change: 1 | -1) => void;
}

/**
 * One signed frame, from its arrival to its answer, and its record for log and metrics. A unary call or a watch has one
 * frame, a call stream has many.
 *
 * The checks run in a fixed order: signature, envelope, then clock, limits and nonce (docs/protocol-server.md,
 * Verification order). The first failed check refuses the frame.
 */
export class SignedRequest implements VerifiedRequest, CallRecord {
  readonly startedAtMs: number;
  reason = "";
  cause: string | undefined;
  claimed: ClaimedKey | undefined;
  isAudited = false;
  readonly #services: RequestServices;
  readonly #origin: RequestOrigin;
  #authenticated: AuthenticatedRequest | undefined;
  #envelope: VerifiedEnvelope | undefined;
  #permit: Permit | undefined;
  #span: OpenSpan | undefined;
  #logger: Logger | undefined;
  #deadlineMs: number | undefined;
  #ended = false;
  #runs = false;

  constructor(services: RequestServices, origin: RequestOrigin) {
    this.#services = services;
    this.#origin = origin;
    this.startedAtMs = services.clock.monotonicMs();
    for (const observer of services.observers) observer.callStarted(this);
  }

  /** Verifies the signature. Throws SIGNATURE_INVALID. Refusals are signed only after it has passed. */
  authenticate(bytes: Uint8Array): void {
    this.#authenticated = this.#services.authenticator.authenticate(this.method, bytes);
    // The trace context is read only now: a stranger's does not decide what is recorded.
    this.#span = this.#services.tracing?.startCall(this.method, this.#origin);
  }

  /** Runs the remaining checks on an authenticated request. Rejects with the SealwireError that refuses it. */
  async accept(): Promise<void> {
    const { key, envelope } = this.#authenticated as AuthenticatedRequest;
    // readEnvelope throws if args are not set.
    this.#envelope = readEnvelope(envelope) as VerifiedEnvelope;
    this.#permit = await this.#admit(key, this.#envelope, envelope.length);
    if (this.#ended) this.#permit.release();
    this.#services.onKeyUsed(key.keyId);
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  get envelope(): VerifiedEnvelope {
    return this.#envelope as VerifiedEnvelope;
  }

  get key(): VerificationKey {
    return (this.#authenticated as AuthenticatedRequest).key;
  }

  get traceparent(): string | undefined {
    return this.#origin.traceparent;
  }

  get tracestate(): string | undefined {
    return this.#origin.tracestate;
  }

  get span(): OpenSpan | undefined {
    return this.#span;
  }

  /** The caller's deadline, in Unix milliseconds; Infinity: none. */
  get deadlineMs(): number {
    return this.#deadlineMs ?? this.#origin.deadlineMs;
  }

  /** Sets the deadline of a frame that has one of its own, as on a call stream. */
  set deadlineMs(deadlineMs: number) {
    this.#deadlineMs = deadlineMs;
  }

  /** Created on first use, because most calls log nothing. */
  get logger(): Logger {
    const { clientId, requestId, tool } = this.envelope;
    const trace = this.#span && { trace_id: this.#span.traceId, span_id: this.#span.spanId };
    this.#logger ??= this.#services.logger.child({ client: clientId, request_id: requestId, tool, ...trace });
    return this.#logger;
  }

  /** The tool starts. The request counts as in flight until {@link runEnded}, even if it ends earlier. */
  runBegan(): void {
    this.#runs = true;
  }

  /** The tool has returned. */
  runEnded(): void {
    this.#runs = false;
    if (this.#ended) this.#permit?.release();
  }

  openWatch(): Disposable {
    const waiting = this.#permit?.openWatch();
    this.#origin.onWaiting?.(1);
    return {
      [Symbol.dispose]: () => {
        waiting?.[Symbol.dispose]();
        this.#origin.onWaiting?.(-1);
      },
    };
  }

  /** Returns the signed frame of an answer. `sequence`: 0 for a call, starting at 1 for a watch. */
  sign(answer: Answer, sequence: number): Buffer {
    this.reason = answer.error?.reason ?? "";
    const { key, signature } = this.#authenticated as AuthenticatedRequest;
    const { ring, clock } = this.#services;
    const response = toResponse(answer, {
      requestId: this.#envelope?.requestId ?? "",
      serverId: ring().serverId,
      nowMs: clock.nowMs(),
      sequence,
    });
    return signResponse(key, signature, response);
  }

  /** Returns the signed frame that reports `error`. */
  signRefusal(error: SealwireError, sequence: number): Buffer {
    if (typeof error.cause === "string") this.cause = error.cause;
    return this.sign(failure(error), sequence);
  }

  /**
   * Returns the gRPC status that reports `error`, with its signed frame. `sequence`: that of the next message of a
   * stream.
   */
  refuse(error: SealwireError, sequence: number): GrpcFailure {
    this.reason = error.reason;
    if (typeof error.cause === "string") this.cause = error.cause;
    if (error instanceof UnprovenFrameError) this.claimed = error.claimed;
    if (this.#authenticated === undefined) return toGrpcFailure(error);
    const type = this.method === WATCH_JOB_METHOD ? "sealwire.v1.WatchJobResponse" : "sealwire.v1.CallResponse";
    return toGrpcFailure(error, { type, bytes: this.signRefusal(error, sequence) });
  }

  /** Returns the error that is reported to the caller, and logs unexpected ones. */
  refusalOf(thrown: unknown): SealwireError {
    if (!(thrown instanceof SealwireError)) {
      this.#services.logger.error({ err: thrown }, "verification failed unexpectedly");
    }
    return SealwireError.from(thrown);
  }

  /**
   * Ends the call with a gRPC status code, in any state. Idempotent. While its tool still runs, the call counts against
   * its key's limits.
   */
  end(code: number): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#runs) this.#permit?.release();
    const durationMs = this.#services.clock.monotonicMs() - this.startedAtMs;
    for (const observer of this.#services.observers) observer.callEnded(this, code, durationMs);
    this.#endSpan(code);
  }

  /** Releases what the call holds, as {@link end} does, but does not notify observers. Never throws. */
  abandon(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#runs) this.#permit?.release();
    this.reason = "INTERNAL";
    this.#endSpan(Status.INTERNAL);
  }

  get method(): string {
    return this.#origin.method;
  }

  get peer(): string {
    return this.#origin.peer;
  }

  get tool(): string | undefined {
    return this.#envelope?.tool;
  }

  get client(): string | undefined {
    return this.#envelope?.clientId;
  }

  get keyId(): string | undefined {
    return this.#authenticated?.key.keyId;
  }

  get requestId(): string | undefined {
    return this.#envelope?.requestId;
  }

  get trace(): string | undefined {
    const { traceparent } = this.#origin;
    return this.#span?.traceId ?? (traceparent && traceIdOf(traceparent));
  }

  get exemplar(): TraceIds | undefined {
    return this.#span?.isSampled ? { trace_id: this.#span.traceId, span_id: this.#span.spanId } : undefined;
  }

  /** Of a request that was refused before its caller was known, the span begins and ends here. */
  #endSpan(code: number): void {
    const span = this.#authenticated === undefined ? this.#services.tracing?.startRefused(this.method) : this.#span;
    if (span !== undefined) endCallSpan(span, this, code);
  }

  /** Checks clock, limits and nonce. The permit is released when the request ends. */
  async #admit(key: VerificationKey, envelope: VerifiedEnvelope, bytes: number): Promise<Permit> {
    const { refused, replay } = this.#services;
    const frame = { clientId: envelope.clientId, nonce: envelope.nonce, tsMs: Number(envelope.tsMs) };
    const ahead = this.#checkEnvelope(key, envelope);
    refused.check(key.keyId, frame);
    const permit = this.#charge(key, bytes, frame);
    let fresh = false;
    try {
      if (ahead === undefined) fresh = await replay.claim(frame);
      else await replay.refuse(frame);
    } catch (error) {
      permit.release();
      // If the store does not know whether the frame is new, it will not know later either.
      if (SealwireError.from(error).reason !== "FRESHNESS_UNKNOWN") refused.add(key.keyId, frame);
      throw error;
    }
    if (fresh) return permit;
    if (ahead === undefined) permit.refund();
    permit.release();
    throw ahead ?? new SealwireError("REPLAYED");
  }

  /**
   * Throws the error that refuses the envelope, but returns CLOCK_SKEW if its `ts_ms` is too far ahead. Such a frame is
   * refused after its nonce is recorded. Otherwise it could be replayed later, when its `ts_ms` is within the window.
   */
  #checkEnvelope(key: VerificationKey, envelope: VerifiedEnvelope): SealwireError | undefined {
    const { ring, clock, window } = this.#services;
    try {
      checkEnvelope(envelope, { key, serverId: ring().serverId, nowMs: clock.nowMs(), ...window });
    } catch (error) {
      if (error instanceof SealwireError && error.cause === "ahead") return error;
      throw error;
    }
    return undefined;
  }

  /** Counts the request against its key's limits. */
  #charge(key: VerificationKey, bytes: number, frame: FrameStamp): Permit {
    const { admission, refused } = this.#services;
    try {
      return this.method === WATCH_JOB_METHOD ? admission.admitWatch(key, bytes) : admission.admitCall(key, bytes);
    } catch (error) {
      refused.add(key.keyId, frame);
      throw error;
    }
  }
}

/** The refusal of a request that does not arrive in time. */
export function requestTooSlow(): SealwireError {
  return new SealwireError("DEADLINE_EXCEEDED", "The request did not arrive completely in time; send it faster.");
}

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
import { readEnvelope } from "../../validation/envelope.ts";
import { WATCH_JOB_METHOD } from "../../wire/limits.ts";
import { type GrpcFailure, toGrpcFailure } from "../../wire/status.ts";
import type { CallObserver, CallRecord } from "./access-log.ts";
import type { Admission, Permit } from "./admission.ts";
import type { FrameStamp, RefusedFrameCache } from "./refused-frame-cache.ts";

/** What decides whether a {@link SignedRequest} is accepted, and signs its answer. */
export interface RequestServices {
  readonly authenticator: RequestAuthenticator;
  readonly ring: () => KeyRing;
  readonly admission: Admission;
  readonly refused: RefusedFrameCache;
  readonly replay: ReplayGuard;
  /** The window that `refused` and `replay` were made for. */
  readonly window: FrameWindow;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observers: readonly CallObserver[];
  /** Called with the id of each key whose request was accepted. */
  readonly onKeyUsed: (keyId: string) => void;
}

/** Where a request came from. The frames of one stream share it. */
export interface RequestOrigin {
  /** gRPC path of the RPC. */
  readonly method: string;
  readonly peer: string;
  /** W3C trace context, unsigned. */
  readonly traceparent: string | undefined;
  /** Told when a call begins to wait as a long-poll, and when it goes on. */
  readonly onWaiting?: (change: 1 | -1) => void;
}

/**
 * One signed frame, from its arrival to its answer, and its record for log and metrics. Unary calls and watches have one,
 * a call stream has many.
 *
 * A frame is accepted in three steps whose order matters: signature, envelope, then clock, limits and nonce
 * (docs/protocol-server.md, Verification order). The first check that fails refuses it.
 */
export class SignedRequest implements VerifiedRequest, CallRecord {
  readonly startedAtMs: number;
  reason = "";
  cause: string | undefined;
  claimed: ClaimedKey | undefined;
  readonly #services: RequestServices;
  readonly #origin: RequestOrigin;
  #authenticated: AuthenticatedRequest | undefined;
  #envelope: VerifiedEnvelope | undefined;
  #permit: Permit | undefined;
  #logger: Logger | undefined;
  #ended = false;
  #runs = false;

  constructor(services: RequestServices, origin: RequestOrigin) {
    this.#services = services;
    this.#origin = origin;
    this.startedAtMs = services.clock.monotonicMs();
    for (const observer of services.observers) observer.callStarted(this);
  }

  /** Verifies the signature. Throws SIGNATURE_INVALID; until it has passed, refusals are not signed. */
  authenticate(bytes: Uint8Array): void {
    this.#authenticated = this.#services.authenticator.authenticate(this.method, bytes);
  }

  /** Takes an authenticated request through all further checks. Rejects with the SealwireError that refuses it. */
  async accept(): Promise<void> {
    const { key, envelope } = this.#authenticated as AuthenticatedRequest;
    // readEnvelope has seen to it that args are set.
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

  /** Made when first asked for: most calls log nothing. */
  get logger(): Logger {
    const { clientId, requestId, tool } = this.envelope;
    this.#logger ??= this.#services.logger.child({ client: clientId, request_id: requestId, tool });
    return this.#logger;
  }

  /** The tool begins to run: the request counts as in flight until {@link runEnded}, even if it ends before. */
  runBegan(): void {
    this.#runs = true;
  }

  /** Nothing runs for the request any more. */
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

  /** The signed frame that answers the request. `sequence`: 0 in the answer to a call, from 1 on in a watch. */
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

  /** The signed frame that tells the caller of `error`. */
  signRefusal(error: SealwireError, sequence: number): Buffer {
    if (typeof error.cause === "string") this.cause = error.cause;
    return this.sign(failure(error), sequence);
  }

  /** The gRPC failure, with its signed frame, that tells the caller of `error`. `sequence`: that of the next message of a stream. */
  refuse(error: SealwireError, sequence: number): GrpcFailure {
    this.reason = error.reason;
    if (typeof error.cause === "string") this.cause = error.cause;
    if (error instanceof UnprovenFrameError) this.claimed = error.claimed;
    if (this.#authenticated === undefined) return toGrpcFailure(error);
    const type = this.method === WATCH_JOB_METHOD ? "sealwire.v1.WatchJobResponse" : "sealwire.v1.CallResponse";
    return toGrpcFailure(error, { type, bytes: this.signRefusal(error, sequence) });
  }

  /** What a caller is told of anything thrown on the way in; what was not foreseen goes to the log. */
  refusalOf(thrown: unknown): SealwireError {
    if (!(thrown instanceof SealwireError)) {
      this.#services.logger.error({ err: thrown }, "verification failed unexpectedly");
    }
    return SealwireError.from(thrown);
  }

  /**
   * Ends the call with a gRPC status code, whatever state it is in; idempotent. A tool that still runs keeps the call's
   * place among those of its key.
   */
  end(code: number): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#runs) this.#permit?.release();
    const durationMs = this.#services.clock.monotonicMs() - this.startedAtMs;
    for (const observer of this.#services.observers) observer.callEnded(this, code, durationMs);
  }

  /** Gives back what the call holds, as {@link end} does, where it cannot be ended as it should. Never throws. */
  abandon(): void {
    if (!this.#ended && !this.#runs) this.#permit?.release();
    this.#ended = true;
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
    return this.#origin.traceparent?.split("-")[1];
  }

  /** Checks clock, limits and nonce. What it resolves to is released when the request ends. */
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
      // Where the store cannot tell whether the frame is new it will not be able to later either.
      if (SealwireError.from(error).reason !== "FRESHNESS_UNKNOWN") refused.add(key.keyId, frame);
      throw error;
    }
    if (fresh) return permit;
    if (ahead === undefined) permit.refund();
    permit.release();
    throw ahead ?? new SealwireError("REPLAYED");
  }

  /**
   * Throws what the envelope is refused for, but returns the CLOCK_SKEW of one stamped too far ahead: that is refused after its
   * nonce is spent, or it could be replayed when its time has come.
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

  /** Takes what the request uses of its key's limits. */
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

/** The refusal of a request that took too long to arrive. */
export function requestTooSlow(): SealwireError {
  return new SealwireError("DEADLINE_EXCEEDED", "The request did not arrive whole in time; send it faster.");
}

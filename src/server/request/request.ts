import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { VerificationKey } from "../../signing/key-ring/types.ts";
import { type AuthenticatedRequest, type ClaimedKey, UnprovenFrameError } from "../../signing/request/verify.ts";
import { type Answer, failure } from "../../tools/answer.ts";
import type { VerifiedEnvelope } from "../../tools/invocation.ts";
import { WATCH_JOB_METHOD } from "../../wire/limits.ts";
import { type GrpcFailure, toGrpcFailure } from "../../wire/status.ts";
import type { CallObserver, CallRecord } from "./access-log.ts";
import type { Admitted } from "./admission.ts";
import type { Gate } from "./gate.ts";
import type { Signer } from "./signer.ts";
import type { VerifiedCall } from "./verified-call.ts";

/** What signed requests are taken in and answered with. */
export interface RequestServices {
  readonly gate: Gate;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observers: readonly CallObserver[];
  /** Called with each key that passed. */
  readonly onKeyUsed: (keyId: string) => void;
}

/** Where a request came from; the frames of one stream share it. */
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
 * One signed frame, from its arrival through the gate to its answer, and its own record for log and metrics. The same for
 * every RPC: unary calls and watches have one, a call stream has many.
 */
export class SignedRequest implements VerifiedCall, CallRecord {
  readonly startedAtMs: number;
  reason = "";
  cause: string | undefined;
  claimed: ClaimedKey | undefined;
  readonly #services: RequestServices;
  readonly #origin: RequestOrigin;
  #authenticated: AuthenticatedRequest | undefined;
  #envelope: VerifiedEnvelope | undefined;
  #admitted: Admitted | undefined;
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
    this.#authenticated = this.#services.gate.authenticate(this.#origin.method, bytes);
  }

  /** Takes an authenticated request through the rest of the gate. Rejects with the SealwireError that refuses it. */
  async admit(): Promise<VerifiedCall> {
    const { gate, onKeyUsed } = this.#services;
    const authenticated = this.#authenticated as AuthenticatedRequest;
    const envelope = gate.read(authenticated);
    this.#envelope = envelope;
    this.#admitted = await gate.admit(this.#origin.method, authenticated, envelope);
    if (this.#ended) this.#admitted.release();
    onKeyUsed(authenticated.key.keyId);
    return this;
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

  runBegan(): void {
    this.#runs = true;
  }

  runEnded(): void {
    this.#runs = false;
    if (this.#ended) this.#admitted?.release();
  }

  wait(): Disposable {
    const waiting = this.#admitted?.wait();
    this.#origin.onWaiting?.(1);
    return {
      [Symbol.dispose]: () => {
        waiting?.[Symbol.dispose]();
        this.#origin.onWaiting?.(-1);
      },
    };
  }

  sign(answer: Answer, sequence: number): Buffer {
    this.reason = answer.error?.reason ?? "";
    const request = this.#authenticated as AuthenticatedRequest;
    return this.#services.signer.sign(answer, { request, requestId: this.#envelope?.requestId ?? "" }, sequence);
  }

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
    if (!this.#runs) this.#admitted?.release();
    const durationMs = this.#services.clock.monotonicMs() - this.startedAtMs;
    for (const observer of this.#services.observers) observer.callEnded(this, code, durationMs);
  }

  /** Gives back what the call holds, as {@link end} does, where it cannot be ended as it should. Never throws. */
  abandon(): void {
    if (!this.#ended && !this.#runs) this.#admitted?.release();
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
}

/** The refusal of a request that took too long to arrive. */
export function requestTooSlow(): SealwireError {
  return new SealwireError("DEADLINE_EXCEEDED", "The request did not arrive whole in time; send it faster.");
}

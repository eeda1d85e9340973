import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { KeyRing } from "../../signing/key-ring/types.ts";
import { type AuthenticatedRequest, checkEnvelope, type RequestAuthenticator } from "../../signing/request/verify.ts";
import type { FrameWindow, ReplayGuard } from "../../store/store.ts";
import type { VerifiedEnvelope } from "../../tools/invocation.ts";
import { readEnvelope } from "../../validation/envelope.ts";
import { WATCH_JOB_METHOD } from "../../wire/limits.ts";
import type { Admission, Admitted } from "./admission.ts";
import { type FrameStamp, RefusedFrames } from "./refused-frames.ts";

/** What a {@link Gate} asks and looks at. */
export interface GateOptions {
  readonly authenticator: RequestAuthenticator;
  readonly ring: () => KeyRing;
  readonly replay: ReplayGuard;
  readonly admission: Admission;
  readonly clock: Clock;
  /** The replay guard was told the same. */
  readonly window: FrameWindow;
}

/**
 * Decides which requests come in, in three steps whose order matters: signature, envelope, then clock, limits and nonce
 * (docs/protocol-server.md, Verification order). Each throws the SealwireError of its first check that fails.
 */
export class Gate {
  readonly #options: GateOptions;
  readonly #refused: RefusedFrames;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#refused = new RefusedFrames({ clock: options.clock, ...options.window });
  }

  /** Finds out who signed the bytes of a request. */
  authenticate(method: string, bytes: Uint8Array): AuthenticatedRequest {
    return this.#options.authenticator.authenticate(method, bytes);
  }

  /** Reads the envelope of a request that is authenticated. */
  read(request: AuthenticatedRequest): VerifiedEnvelope {
    // readEnvelope has seen to it that args are set.
    return readEnvelope(request.envelope) as VerifiedEnvelope;
  }

  /** Lets the request in. What it resolves to must be released when the call ends. */
  async admit(method: string, request: AuthenticatedRequest, envelope: VerifiedEnvelope): Promise<Admitted> {
    const { ring, replay, clock, window } = this.#options;
    const { key } = request;
    let ahead: SealwireError | undefined;
    try {
      checkEnvelope(envelope, { key, serverId: ring().serverId, nowMs: clock.nowMs(), ...window });
    } catch (error) {
      // An envelope from the future is refused only after its nonce is spent, or it could be replayed when its time has come.
      if (!(error instanceof SealwireError) || error.cause !== "ahead") throw error;
      ahead = error;
    }
    const claim = { clientId: envelope.clientId, nonce: envelope.nonce, tsMs: Number(envelope.tsMs) };
    this.#refused.check(key.keyId, claim);
    const admitted = this.#charge(method, request, claim);
    let fresh = false;
    try {
      if (ahead === undefined) fresh = await replay.claim(claim);
      else await replay.refuse(claim);
    } catch (error) {
      admitted.release();
      // Where the store cannot tell whether the frame is new it will not be able to later either.
      if (SealwireError.from(error).reason !== "FRESHNESS_UNKNOWN") this.#refused.add(key.keyId, claim);
      throw error;
    }
    if (fresh) return admitted;
    if (ahead === undefined) admitted.refund();
    admitted.release();
    throw ahead ?? new SealwireError("REPLAYED");
  }

  /** Takes what the request uses of its key's limits. */
  #charge(method: string, { key, envelope }: AuthenticatedRequest, frame: FrameStamp): Admitted {
    const { admission } = this.#options;
    try {
      return method === WATCH_JOB_METHOD
        ? admission.admitWatch(key, envelope.length)
        : admission.admitCall(key, envelope.length);
    } catch (error) {
      this.#refused.add(key.keyId, frame);
      throw error;
    }
  }
}

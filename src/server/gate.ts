import { SealwireError } from "../errors.ts";
import type { ReplayGuard } from "../jobs/store.ts";
import type { Clock } from "../runtime/clock.ts";
import type { KeyRing } from "../signing/key-ring/types.ts";
import { type AuthenticatedRequest, checkEnvelope, type RequestAuthenticator } from "../signing/verify-request.ts";
import type { VerifiedEnvelope } from "../tools/dispatcher.ts";
import { readEnvelope } from "../validation/envelope.ts";
import { WATCH_JOB_METHOD } from "../wire/limits.ts";
import type { Admission, Admitted } from "./admission.ts";

/** How old or far ahead an envelope may be. */
export interface Freshness {
  readonly maxAgeMs: number;
  readonly maxAheadMs: number;
}

/** What a {@link Gate} asks and looks at. */
export interface GateOptions {
  readonly authenticator: RequestAuthenticator;
  readonly ring: () => KeyRing;
  readonly replay: ReplayGuard;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly freshness: Freshness;
}

/** A request that passed the gate. `admitted` must be released when its call ends. */
export interface Passed {
  readonly request: AuthenticatedRequest;
  readonly envelope: VerifiedEnvelope;
  readonly admitted: Admitted;
}

/** How far verification came; what is known of a request that is refused. */
export interface Progress {
  request?: AuthenticatedRequest;
  envelope?: VerifiedEnvelope;
}

/** Decides which requests come in: signature, envelope, clock, limits, nonce, in this order (docs/protocol.md, Verification order). */
export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /**
   * Takes the bytes of a request through every check. Throws the SealwireError of the first that fails;
   * `progress` then tells how far it came, so that the refusal can be signed.
   */
  async pass(method: string, bytes: Uint8Array, progress: Progress): Promise<Passed> {
    const { authenticator, ring, replay, admission, clock, freshness } = this.#options;
    const request = authenticator.authenticate(method, bytes);
    progress.request = request;
    // readEnvelope has seen to it that args are set.
    const envelope = readEnvelope(request.envelope) as VerifiedEnvelope;
    progress.envelope = envelope;

    let ahead: SealwireError | undefined;
    try {
      checkEnvelope(envelope, { key: request.key, serverId: ring().serverId, nowMs: clock.nowMs(), ...freshness });
    } catch (error) {
      // An envelope from the future is refused only after its nonce is spent, or it could be replayed when its time has come.
      if (!(error instanceof SealwireError) || error.cause !== "ahead") throw error;
      ahead = error;
    }
    const admitted = method === WATCH_JOB_METHOD ? admission.admitWatch(request.key) : admission.admitCall(request.key);
    try {
      const { clientId, nonce } = envelope;
      const tsMs = Number(envelope.tsMs);
      const fresh = await replay.claim({ clientId, nonce, tsMs, expiresAtMs: tsMs + freshness.maxAgeMs });
      if (ahead !== undefined) throw ahead;
      if (fresh) return { request, envelope, admitted };
      admitted.refund();
      throw new SealwireError("REPLAYED");
    } catch (error) {
      admitted.release();
      throw error;
    }
  }
}

import type { SealwireError } from "../errors.ts";
import type { Clock } from "../runtime/clock.ts";
import type { KeyRing } from "../signing/key-ring/types.ts";
import { sealResponse } from "../signing/sign-response.ts";
import type { AuthenticatedRequest } from "../signing/verify-request.ts";
import { type Answer, failure, toResponse } from "../tools/answer.ts";
import { WATCH_JOB_METHOD } from "../wire/limits.ts";
import { type GrpcFailure, toGrpcFailure } from "../wire/status.ts";

/** The request that is answered. */
export interface Answered {
  readonly request: AuthenticatedRequest;
  /** Empty where the envelope could not be read. */
  readonly requestId: string;
  /** gRPC path of the RPC. */
  readonly method: string;
}

/** Turns answers into signed frames: the only place where responses are completed and signed. */
export class Sealer {
  readonly #ring: () => KeyRing;
  readonly #clock: Clock;

  constructor(ring: () => KeyRing, clock: Clock) {
    this.#ring = ring;
    this.#clock = clock;
  }

  /** The frame to send. `sequence`: 0 in a unary answer, from 1 on in a stream. */
  seal(answer: Answer, { request, requestId }: Answered, sequence: number): Buffer {
    const response = toResponse(answer, {
      requestId,
      serverId: this.#ring().serverId,
      nowMs: this.#clock.nowMs(),
      sequence,
    });
    return sealResponse(request.key, request.signature, response);
  }

  /**
   * The gRPC failure that tells an authenticated caller of `error`, with its signed frame in the details.
   * `sequence`: 0 in a unary answer, that of the next message in a stream.
   */
  refuse(error: SealwireError, answered: Answered, sequence: number): GrpcFailure {
    const type = answered.method === WATCH_JOB_METHOD ? "sealwire.v1.WatchJobResponse" : "sealwire.v1.CallResponse";
    return toGrpcFailure(error, { type, bytes: this.seal(failure(error), answered, sequence) });
  }
}

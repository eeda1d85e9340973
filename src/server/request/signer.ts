import type { Clock } from "../../runtime/clock.ts";
import type { KeyRing } from "../../signing/key-ring/types.ts";
import type { AuthenticatedRequest } from "../../signing/request/verify.ts";
import { signResponse } from "../../signing/response/sign.ts";
import { type Answer, toResponse } from "../../tools/answer.ts";

/** The request that is answered. */
export interface Answered {
  readonly request: AuthenticatedRequest;
  /** Empty where the envelope could not be read. */
  readonly requestId: string;
}

/** Turns answers into signed frames: the only place where responses are completed and signed. */
export class Signer {
  readonly #ring: () => KeyRing;
  readonly #clock: Clock;

  constructor(ring: () => KeyRing, clock: Clock) {
    this.#ring = ring;
    this.#clock = clock;
  }

  /** The frame to send. `sequence`: 0 in the answer to a call, from 1 on in a watch. */
  sign(answer: Answer, { request, requestId }: Answered, sequence: number): Buffer {
    const response = toResponse(answer, {
      requestId,
      serverId: this.#ring().serverId,
      nowMs: this.#clock.nowMs(),
      sequence,
    });
    return signResponse(request.key, request.signature, response);
  }
}

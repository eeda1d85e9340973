import type { SealwireError } from "../../errors.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { VerificationKey } from "../../signing/key-ring/types.ts";
import type { Answer } from "../../tools/answer.ts";
import type { VerifiedEnvelope } from "../../tools/invocation.ts";

/** A request that passed verification: what the gate hands to whoever serves it. */
export interface VerifiedCall {
  readonly envelope: VerifiedEnvelope;
  readonly key: VerificationKey;
  readonly traceparent: string | undefined;
  readonly logger: Logger;
  /** Counts the call as an open watch, not as a call in flight, until disposed. Throws QUOTA_EXCEEDED. */
  wait(): Disposable;
  /** The tool begins to run: from now on the call counts as in flight until {@link runEnded}, even if it ends before. */
  runBegan(): void;
  /** What works for the call has ended. */
  runEnded(): void;
  /** Signs an answer to this call and returns the frame to send. `sequence`: 0 in the answer to a call. */
  sign(answer: Answer, sequence: number): Buffer;
  /** Signs the answer that tells the caller of `error`. */
  signRefusal(error: SealwireError, sequence: number): Buffer;
}

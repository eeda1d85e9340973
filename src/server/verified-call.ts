import type { SealwireError } from "../errors.ts";
import type { Logger } from "../runtime/logger.ts";
import type { VerificationKey } from "../signing/key-ring/types.ts";
import type { Answer } from "../tools/answer.ts";
import type { VerifiedEnvelope } from "../tools/dispatcher.ts";
import type { GrpcFailure } from "../wire/status.ts";

/** What the interceptor hands to a method's handler in place of the bytes: a request that passed verification. */
export interface VerifiedCall {
  readonly envelope: VerifiedEnvelope;
  readonly key: VerificationKey;
  readonly traceparent: string | undefined;
  readonly logger: Logger;
  /** Signs an answer to this call and returns the frame to send. `sequence`: 0 in a unary answer. */
  seal(answer: Answer, sequence: number): Buffer;
  /** The gRPC failure, with its signed frame, that tells the caller of `error`. `sequence`: that of the next message of a stream. */
  refuse(error: SealwireError, sequence: number): GrpcFailure;
}

package dev.sealwire;

import dev.sealwire.v1.Response;
import io.grpc.Status.Code;

/** The outcome of one attempt. Only an answer and a refusal have a valid signature. */
sealed interface Outcome {
  /** A verified answer, which may tell that the tool failed. */
  record Answer(Response response) implements Outcome {}

  /** An attempt without an answer. */
  sealed interface Failed extends Outcome {
    Failure failure();
  }

  /** A verified refusal. */
  record Refusal(Response response, Failure failure) implements Failed {}

  /**
   * No verified answer. {@code isForged}: the peer sent a frame that is not right or contradicts the status.
   * {@code isUnsent}: the server has certainly not started the call. {@code isAway}: no connection could be established,
   * for a temporary reason.
   */
  record Unverified(Failure failure, boolean isForged, boolean isUnsent, boolean isAway) implements Failed {
    static Unverified forged(String message) {
      return new Unverified(Failure.unverified(Code.DATA_LOSS, message), true, false, false);
    }
  }
}

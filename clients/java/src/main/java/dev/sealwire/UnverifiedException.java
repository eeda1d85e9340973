package dev.sealwire;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;

/**
 * An answer that is not the server's, or was changed on the way. Nothing in it is believed, and the call is not repeated.
 * Its status is DATA_LOSS. A generated stub throws its own exception with this one as cause: see
 * {@link SealwireErrors#isUnverified}.
 */
public final class UnverifiedException extends StatusRuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes the exception.
   *
   * @param message what is wrong with the answer
   */
  public UnverifiedException(String message) {
    super(Status.DATA_LOSS.withDescription(message));
  }
}

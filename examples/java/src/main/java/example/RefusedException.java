package example;

import sealwire.v1.ErrorOuterClass.Error;

/** The server's signed word that it refused the call, or that the tool failed. */
public final class RefusedException extends RuntimeException {
  private final transient Error error;

  public RefusedException(Error error) {
    super(error.getReason() + ": " + error.getMessage());
    this.error = error;
  }

  public Error error() {
    return error;
  }
}

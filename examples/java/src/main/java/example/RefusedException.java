package example;

import sealwire.v1.ErrorOuterClass.Error;

/** The signed error of a refused call or a failed tool. */
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

package example;

import io.grpc.Status;

/** The status of the call is not signed, so its outcome is unknown. */
public final class UnansweredException extends RuntimeException {
  private final transient Status status;

  public UnansweredException(Status status) {
    super("no verified answer: " + status.getCode() + ": " + status.getDescription(), status.getCause());
    this.status = status;
  }

  public Status status() {
    return status;
  }
}

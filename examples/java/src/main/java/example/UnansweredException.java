package example;

import io.grpc.Status;

/** Nobody knows what the server said, or whether the call ran: the status is not signed. */
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

package dev.sealwire;

/** Credentials that cannot be used. The message names the file or the field and what to do, and contains no secret. */
public final class CredentialsException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes the exception.
   *
   * @param message the problem and what to do
   */
  public CredentialsException(String message) {
    super(message);
  }

  /**
   * Makes the exception.
   *
   * @param message the problem and what to do
   * @param cause what a lower layer says
   */
  public CredentialsException(String message, Throwable cause) {
    super(message, cause);
  }
}

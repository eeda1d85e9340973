package example;

/** An assertion does not hold. The message says why. */
final class RefusedException extends Exception {
  private static final long serialVersionUID = 1;

  RefusedException(String message) {
    super(message);
  }
}

package dev.sealwire;

import com.google.protobuf.Duration;
import dev.sealwire.v1.Error;
import dev.sealwire.v1.ErrorReason;
import dev.sealwire.v1.FieldViolation;
import io.grpc.Status;
import io.grpc.Status.Code;
import java.util.List;
import java.util.Set;

/**
 * Why a call failed (docs/errors.md).
 *
 * @param reason a name of the closed list, one that a server sends or a local one
 * @param code the gRPC status that belongs to it
 * @param message for people
 * @param error the verified error of the server, or one that was made here; null where a reason never travels
 * @param notBegun true if it is certain that no server executed the call
 */
record Failure(String reason, Code code, String message, Error error, boolean notBegun) {
  private static final String PREFIX = "ERROR_REASON_";
  private static final Set<String> OF_CREDENTIALS = Set.of("CREDENTIALS_REFUSED", "KEY_REVOKED");

  /** An error that a server has signed. */
  static Failure of(Error error) {
    var code = Status.fromCodeValue(error.getCodeValue()).getCode();
    return new Failure(nameOf(error.getReason()), code == Code.OK ? Code.UNKNOWN : code, error.getMessage(), error, false);
  }

  /** A failure with a reason that servers send, too, raised here. */
  static Failure of(ErrorReason reason, Code code, String message) {
    return of(reason, code, message, List.of(), 0);
  }

  /** Arguments that break rules, found before sending. */
  static Failure of(ErrorReason reason, Code code, String message, List<FieldViolation> violations, int omitted) {
    var error = Error.newBuilder().setCodeValue(code.value()).setReason(reason).setMessage(message);
    error.addAllViolations(violations).setViolationsOmitted(omitted);
    return new Failure(nameOf(reason), code, message, error.build(), false);
  }

  /** No verified answer came. */
  static Failure unreachable(String message) {
    return new Failure("UNREACHABLE", Code.UNAVAILABLE, message, null, false);
  }

  /** An answer that does not verify, or an unsigned status that proves nothing. */
  static Failure unverified(Code code, String message) {
    return new Failure("RESPONSE_UNVERIFIED", code, message, null, false);
  }

  /** A signed answer that does not fit the contract, or what the server said before. */
  static Failure invalid(String message) {
    return new Failure("RESPONSE_INVALID", Code.INTERNAL, message, null, false);
  }

  /** The peer refuses the key, unsigned. */
  static Failure credentialsRefused(String message) {
    return new Failure("CREDENTIALS_REFUSED", Code.UNAUTHENTICATED, message, null, false);
  }

  Failure asNotBegun() {
    return new Failure(reason, code, message, error, true);
  }

  Failure withMessage(String text) {
    return new Failure(reason, code, text, error, notBegun);
  }

  boolean is(ErrorReason other) {
    return reason.equals(nameOf(other));
  }

  boolean isUnverified() {
    return reason.equals("RESPONSE_UNVERIFIED");
  }

  boolean isUnreachable() {
    return reason.equals("UNREACHABLE");
  }

  /** True if other credentials may mend it. */
  boolean isOfCredentials() {
    return OF_CREDENTIALS.contains(reason);
  }

  boolean isRetryable() {
    return error != null && error.getRetryable();
  }

  /** The delay that the server asks for, in milliseconds; -1 if it names none. */
  double retryDelayMs() {
    return error != null && error.hasRetryDelay() ? millis(error.getRetryDelay()) : -1;
  }

  private static double millis(Duration duration) {
    return Math.max(0, duration.getSeconds() * 1e3 + duration.getNanos() / 1e6);
  }

  /** A reason that is newer than this contract counts as INTERNAL. */
  private static String nameOf(ErrorReason reason) {
    if (reason == ErrorReason.UNRECOGNIZED || reason == ErrorReason.ERROR_REASON_UNSPECIFIED) return "INTERNAL";
    return reason.name().substring(PREFIX.length());
  }
}

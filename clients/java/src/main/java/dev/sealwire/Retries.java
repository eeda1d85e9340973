package dev.sealwire;

import dev.sealwire.v1.ErrorReason;
import io.grpc.Status.Code;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BooleanSupplier;

/**
 * Decides whether and when an intent is tried again (docs/protocol.md, Intents and retries). All attempts have the same
 * request id, and a server executes an intent once, so an attempt with an unknown outcome may be repeated for any tool.
 * After a verified refusal, an attempt is repeated only if the refusal is retryable.
 */
final class Retries {
  /** No further attempt. */
  static final double NEVER = -1;

  /** Unsigned statuses after which another attempt may succeed. */
  private static final Set<Code> PASSING =
      EnumSet.of(Code.UNAVAILABLE, Code.INTERNAL, Code.CANCELLED, Code.RESOURCE_EXHAUSTED, Code.DEADLINE_EXCEEDED);

  /** Refusals before a tool runs or a job is accepted. After all others, the call may be running or may have ended. */
  private static final Set<ErrorReason> BEFORE_EXECUTION = EnumSet.of(
      ErrorReason.ERROR_REASON_ENVELOPE_INVALID, ErrorReason.ERROR_REASON_UNSUPPORTED_VERSION,
      ErrorReason.ERROR_REASON_CLIENT_MISMATCH, ErrorReason.ERROR_REASON_AUDIENCE_MISMATCH,
      ErrorReason.ERROR_REASON_CLOCK_SKEW, ErrorReason.ERROR_REASON_FRESHNESS_UNKNOWN,
      ErrorReason.ERROR_REASON_TOOL_FORBIDDEN, ErrorReason.ERROR_REASON_TOOL_RPC_MISMATCH,
      ErrorReason.ERROR_REASON_TOOL_CHANGED,
      ErrorReason.ERROR_REASON_ARGS_INVALID, ErrorReason.ERROR_REASON_REQUEST_ID_REUSED,
      ErrorReason.ERROR_REASON_RATE_LIMITED, ErrorReason.ERROR_REASON_QUOTA_EXCEEDED);

  private static final double INITIAL_DELAY_MS = 200;
  private static final double MAX_DELAY_MS = 5_000;

  /** Least delay after the connection was lost during a call. */
  private static final double LOSS_DELAY_MS = 500;

  /** A call that cannot reach a server is given up if less time than this is left. */
  private static final double LEAST_LEFT_MS = 50;

  private final int maxAttempts;
  private int failures;
  private int counted;
  private int losses;
  private int told;
  private boolean isClockCorrected;
  private boolean mayHaveRun;

  Retries(int maxAttempts) {
    this.maxAttempts = maxAttempts;
  }

  /** True while the number of attempts allows another. */
  boolean attemptsLeft() {
    return counted < maxAttempts;
  }

  /** True if another attempt may follow this failure. Those that were told a delay are bounded by the deadline alone. */
  boolean allows(Outcome.Failed failed) {
    return attemptsLeft() || maxAttempts > 1 && tellsDelay(failed);
  }

  /** Resets all counts, after a message has shown that the server works. */
  void reset() {
    failures = 0;
    counted = 0;
    losses = 0;
    told = 0;
    isClockCorrected = false;
  }

  /** Notes an attempt that has failed, for {@link #finalFailure}. {@link #delayAfter} does so, too. */
  void note(Outcome.Failed failed) {
    mayHaveRun |= mayHaveRun(failed);
  }

  /**
   * Milliseconds to wait before the next attempt, or {@link #NEVER}. {@code alternatives}: other servers that may be tried
   * without a delay. {@code correctClock} is called on the first verified CLOCK_SKEW.
   */
  double delayAfter(Outcome.Failed failed, double remainingMs, int alternatives, BooleanSupplier correctClock) {
    failures += 1;
    note(failed);
    // A server that drains is about to go; it is waited for like one that is down.
    var isAway = failed instanceof Outcome.Unverified unverified ? unverified.isAway() : isDraining(failed);
    if (!isAway || maxAttempts == 1) counted += 1;
    if (isAway && remainingMs < LEAST_LEFT_MS) return NEVER;
    if (isLostInMidCall(failed)) return delayAfterLoss();
    if (isOutOfService(failed) && failures <= alternatives) return 0;
    var failure = failed.failure();
    if (failed instanceof Outcome.Unverified unverified) {
      return !unverified.isForged() && isPassing(failure) ? backoffMs(remainingMs) : NEVER;
    }
    if (failure.is(ErrorReason.ERROR_REASON_CLOCK_SKEW)) return correctOnce(correctClock) ? 0 : NEVER;
    // The nonce is unique, so the frame was delivered twice. Another attempt with the request id gets the outcome.
    if (failure.is(ErrorReason.ERROR_REASON_REPLAYED)) return backoffMs(remainingMs);
    if (!failure.isRetryable()) return NEVER;
    var delayMs = failure.retryDelayMs();
    return delayMs < 0 ? backoffMs(remainingMs) : delayAsTold(delayMs, remainingMs);
  }

  /** The failure for the caller after the last attempt. Says whether the call may have been executed. */
  Failure finalFailure(Outcome.Failed failed) {
    var failure = errorOf(failed);
    var isOpen = mayHaveRun || mayHaveRun(failed);
    if (failure.isUnreachable()) {
      failure = failure.withMessage(failure.message() + (isOpen
          ? " Check the address and that the server runs; repeat under the same request id, the call may have taken effect."
          : " Check the address and that the server runs."));
    }
    return isOpen ? failure : failure.asNotBegun();
  }

  /** The failure for the caller if the time was up during an attempt; null if the call may have been executed. */
  Failure failureInTime(Outcome.Failed failed, long limitMs) {
    if (mayHaveRun || mayHaveRun(failed)) return null;
    if (!(failed instanceof Outcome.Unverified unverified) || unverified.isForged()) return null;
    var message = "No connection to a server within " + limitMs + " ms; the call has not begun. (" + failed.failure().message()
        + ")";
    return Failure.unreachable(message).asNotBegun();
  }

  /** True if a verified refusal contains a delay. */
  static boolean tellsDelay(Outcome.Failed failed) {
    return failed instanceof Outcome.Refusal refusal
        && refusal.failure().isRetryable() && refusal.failure().retryDelayMs() >= 0;
  }

  /** A random delay between 0 and a limit that doubles with each failure, and at most half of the remaining time. */
  private double backoffMs(double remainingMs) {
    var limitMs = Math.min(MAX_DELAY_MS, doubled(INITIAL_DELAY_MS, failures - 1));
    return random() * Math.min(limitMs, remainingMs / 2);
  }

  /** The call itself may have crashed the server, so it is delayed: at least half a second, doubled each time. */
  private double delayAfterLoss() {
    losses += 1;
    return Math.min(MAX_DELAY_MS / 2, doubled(LOSS_DELAY_MS, losses - 1)) * (1 + random());
  }

  /** The delay that the server asked for, plus a random part that grows with each repetition and spreads clients. */
  private double delayAsTold(double delayMs, double remainingMs) {
    told += 1;
    var again = told == 1 ? 0 : doubled(INITIAL_DELAY_MS, told - 2);
    var spread = Math.min(MAX_DELAY_MS, Math.min(delayMs / 4 + 10 + again, Math.max(0, remainingMs - delayMs) / 2));
    return delayMs + random() * spread;
  }

  private boolean correctOnce(BooleanSupplier correctClock) {
    if (isClockCorrected) return false;
    isClockCorrected = true;
    return correctClock.getAsBoolean();
  }

  private static boolean isPassing(Failure failure) {
    // gRPC reports a message above a size limit, its own or the peer's, as RESOURCE_EXHAUSTED. A retry does not help.
    var message = failure.message();
    return PASSING.contains(failure.code()) && !message.contains("larger than max") && !message.contains("exceeds maximum");
  }

  /** True unless it is certain that the attempt was not executed. */
  private static boolean mayHaveRun(Outcome.Failed failed) {
    if (failed instanceof Outcome.Unverified unverified) return !unverified.isUnsent();
    var error = failed.failure().error();
    return !BEFORE_EXECUTION.contains(error.getReason());
  }

  private static boolean isLostInMidCall(Outcome.Failed failed) {
    return failed instanceof Outcome.Unverified unverified
        && !unverified.isForged() && !unverified.isUnsent() && failed.failure().isUnreachable();
  }

  /** True if this server drains or cannot be reached. */
  private static boolean isOutOfService(Outcome.Failed failed) {
    if (failed instanceof Outcome.Unverified unverified) return !unverified.isForged() && failed.failure().isUnreachable();
    return isDraining(failed);
  }

  private static boolean isDraining(Outcome.Failed failed) {
    return failed instanceof Outcome.Refusal
        && failed.failure().is(ErrorReason.ERROR_REASON_DRAINING) && failed.failure().isRetryable();
  }

  private static Failure errorOf(Outcome.Failed failed) {
    if (!(failed instanceof Outcome.Refusal refusal)) return failed.failure();
    if (!refusal.failure().is(ErrorReason.ERROR_REASON_REPLAYED)) return refusal.failure();
    var message = "Request " + refusal.response().getRequestId()
        + " was delivered more than once on the way, so its outcome is unknown; repeat it under the same request id.";
    return Failure.of(ErrorReason.ERROR_REASON_OUTCOME_UNKNOWN, Code.FAILED_PRECONDITION, message);
  }

  private static double doubled(double ms, int times) {
    return ms * Math.pow(2, Math.min(Math.max(times, 0), 30));
  }

  private static double random() {
    return ThreadLocalRandom.current().nextDouble();
  }
}

package dev.sealwire;

import java.util.function.BooleanSupplier;

/** Decides whether and when a watch is resumed. */
final class ResumePolicy {
  private final Connection connection;
  private final Retries retries;
  private boolean isVerified;
  private long verifiedAtMs;

  /** {@code isKnown}: an unreachable server counts as restarting from the first stream on. */
  ResumePolicy(Connection connection, boolean isKnown) {
    this.connection = connection;
    retries = new Retries(connection.options().maxAttempts());
    isVerified = isKnown;
    verifiedAtMs = nowMs();
  }

  /** Notes a verified message. A heartbeat does not reset the back-off. */
  void verified(boolean isNews) {
    isVerified = true;
    verifiedAtMs = nowMs();
    if (isNews) retries.reset();
  }

  /** Milliseconds to wait before the next stream. Throws FailureException if the watch is not resumed. */
  double delayAfter(StreamEnd end, int alternatives, BooleanSupplier correctClock) {
    var failed = end.asFailed();
    var delayMs = retries.delayAfter(failed, Double.POSITIVE_INFINITY, alternatives, correctClock);
    if (delayMs == Retries.NEVER || !mayResume(failed) || connection.isClosed()) {
      throw new FailureException(retries.finalFailure(failed));
    }
    return delayMs;
  }

  /** Before the first verified message the limits of a call apply, then the time without one. */
  private boolean mayResume(Outcome.Failed failed) {
    if (Retries.tellsDelay(failed)) return true;
    if (!isVerified) return retries.attemptsLeft();
    return nowMs() - verifiedAtMs < connection.options().resumeForMs();
  }

  private static long nowMs() {
    return System.nanoTime() / 1_000_000;
  }
}

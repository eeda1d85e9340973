package example;

import io.grpc.Status.Code;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import sealwire.v1.ErrorOuterClass.ErrorReason;

/** Whether to try an intent again, signed anew, and when. */
final class Retry {
  private static final Set<Code> PASSING =
      EnumSet.of(Code.CANCELLED, Code.DEADLINE_EXCEEDED, Code.INTERNAL, Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE);
  private static final long LONGEST_MS = 5_000;

  private Retry() {}

  /** True if the same intent may succeed when it is tried again. */
  static boolean mayHelp(Throwable failure) {
    // A nonce that was drawn once is REPLAYED if the network delivered it twice.
    if (failure instanceof RefusedException refused)
      return refused.error().getRetryable() || refused.error().getReason() == ErrorReason.ERROR_REASON_REPLAYED;
    return failure instanceof UnansweredException unanswered && PASSING.contains(unanswered.status().getCode());
  }

  /** How long to wait before the next attempt, after so many: as told, or up to 200 ms, doubling to at most 5 s. */
  static long delayMs(Throwable failure, int attempts) {
    if (failure instanceof RefusedException refused && refused.error().hasRetryDelay()) {
      var delay = refused.error().getRetryDelay();
      return delay.getSeconds() * 1_000 + delay.getNanos() / 1_000_000;
    }
    return ThreadLocalRandom.current().nextLong(Math.min(100L << Math.min(attempts, 6), LONGEST_MS));
  }
}

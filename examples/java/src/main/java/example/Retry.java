package example;

import io.grpc.Status.Code;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import sealwire.v1.ErrorOuterClass.ErrorReason;

/** Decides whether and when a call is retried. */
final class Retry {
  private static final Set<Code> PASSING =
      EnumSet.of(Code.CANCELLED, Code.DEADLINE_EXCEEDED, Code.INTERNAL, Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE);
  private static final long LONGEST_MS = 5_000;

  private Retry() {}

  /** True if another attempt with the same request id may succeed. */
  static boolean mayHelp(Throwable failure) {
    // A fresh nonce is refused as REPLAYED if the network delivered the request twice.
    if (failure instanceof RefusedException refused)
      return refused.error().getRetryable() || refused.error().getReason() == ErrorReason.ERROR_REASON_REPLAYED;
    return failure instanceof UnansweredException unanswered && PASSING.contains(unanswered.status().getCode());
  }

  /** The delay after this number of attempts: the server's, or a random one of up to 200 ms, doubled up to 5 s. */
  static long delayMs(Throwable failure, int attempts) {
    if (failure instanceof RefusedException refused && refused.error().hasRetryDelay()) {
      var delay = refused.error().getRetryDelay();
      return delay.getSeconds() * 1_000 + delay.getNanos() / 1_000_000;
    }
    return ThreadLocalRandom.current().nextLong(Math.min(100L << Math.min(attempts, 6), LONGEST_MS));
  }
}

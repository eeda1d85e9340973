package example;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** Tells open calls that the server stops. */
final class Stopping {
  /** The status of calls that are open then. */
  static final Status STATUS = Status.UNAVAILABLE.withDescription("the server is stopping");

  private boolean hasBegun;

  synchronized void begin() {
    hasBegun = true;
    notifyAll();
  }

  synchronized boolean hasBegun() {
    return hasBegun;
  }

  /** Waits. Throws the status of a call that is cancelled or late, or UNAVAILABLE once the server stops. */
  void sleep(Duration duration) {
    var call = Context.current();
    Context.CancellationListener wake = cancelled -> wake();
    call.addListener(wake, Runnable::run);
    try {
      if (isUndisturbed(call, duration)) return;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      call.removeListener(wake);
    }
    var status = call.isCancelled() ? Contexts.statusFromCancelled(call) : STATUS;
    throw status.asRuntimeException();
  }

  private synchronized void wake() {
    notifyAll();
  }

  private synchronized boolean isUndisturbed(Context call, Duration duration) throws InterruptedException {
    var end = System.nanoTime() + duration.toNanos();
    while (!hasBegun && !call.isCancelled()) {
      var left = end - System.nanoTime();
      if (left <= 0) return true;
      TimeUnit.NANOSECONDS.timedWait(this, left);
    }
    return false;
  }
}

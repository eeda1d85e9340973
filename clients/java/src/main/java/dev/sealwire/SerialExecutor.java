package dev.sealwire;

import java.lang.System.Logger.Level;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;

/** Runs tasks one after the other on another executor, so that the state of a call needs no lock. */
final class SerialExecutor implements Executor {
  private static final System.Logger LOG = System.getLogger("dev.sealwire");

  private final Executor executor;
  private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean isScheduled = new AtomicBoolean();

  SerialExecutor(Executor executor) {
    this.executor = executor;
  }

  @Override
  public void execute(Runnable task) {
    tasks.add(task);
    schedule();
  }

  private void schedule() {
    if (!isScheduled.compareAndSet(false, true)) return;
    try {
      executor.execute(this::drain);
    } catch (RejectedExecutionException e) {
      isScheduled.set(false);
      tasks.clear();
      throw e;
    }
  }

  private void drain() {
    try {
      for (var task = tasks.poll(); task != null; task = tasks.poll()) run(task);
    } finally {
      isScheduled.set(false);
      // Also after an Error, which ends this thread.
      if (!tasks.isEmpty()) schedule();
    }
  }

  private static void run(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException e) {
      LOG.log(Level.ERROR, "A callback of a call has thrown.", e);
    }
  }
}

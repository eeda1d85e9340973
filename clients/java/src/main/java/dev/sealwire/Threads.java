package dev.sealwire;

import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The threads that all channels share. They end when they have been idle, and keep no program alive. */
final class Threads {
  private static final long IDLE_S = 10;

  /** Runs callbacks of calls that name no executor of their own. */
  static final Executor CALLBACKS = new ThreadPoolExecutor(
      0, Integer.MAX_VALUE, IDLE_S, TimeUnit.SECONDS, new SynchronousQueue<>(), named("sealwire-executor"));

  /** Runs the work of this package alone, which never waits, for calls that must not depend on their caller's threads. */
  static final Executor WORK = work();

  private static final ScheduledThreadPoolExecutor TIMER = timer();

  private Threads() {}

  /** Runs a short task after a time. */
  static ScheduledFuture<?> after(double delayMs, Runnable task) {
    return TIMER.schedule(task, (long) Math.ceil(delayMs * 1_000), TimeUnit.MICROSECONDS);
  }

  private static Executor work() {
    var threads = Math.max(2, Math.min(4, Runtime.getRuntime().availableProcessors()));
    var pool = new ThreadPoolExecutor(
        threads, threads, IDLE_S, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), named("sealwire-work"));
    pool.allowCoreThreadTimeOut(true);
    return pool;
  }

  private static ScheduledThreadPoolExecutor timer() {
    var timer = new ScheduledThreadPoolExecutor(1, named("sealwire-timer"));
    timer.setRemoveOnCancelPolicy(true);
    timer.setKeepAliveTime(IDLE_S, TimeUnit.SECONDS);
    timer.allowCoreThreadTimeOut(true);
    return timer;
  }

  private static ThreadFactory named(String name) {
    return task -> {
      var thread = new Thread(task, name);
      thread.setDaemon(true);
      return thread;
    };
  }
}

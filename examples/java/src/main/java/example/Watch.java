package example;

import example.Sealwire.UnverifiedException;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import sealwire.system.v1.WatchJob.WatchJobResponse;
import sealwire.v1.JobOuterClass.Job;

/** One stream of a job's states. */
public final class Watch implements AutoCloseable {
  /** A stream counts as broken after 2.5 heartbeat intervals of 15 s. */
  private static final long SILENCE_MS = 37_500;

  private final Attempt attempt;
  private final BlockingClientCall<Frame, Frame> call;
  private long sequence = 1;
  private Job known;

  Watch(Attempt attempt, BlockingClientCall<Frame, Frame> call, Job known) {
    this.attempt = attempt;
    this.call = call;
    this.known = known;
  }

  /** Waits for the next state. A heartbeat repeats the last one. Must not be called after a terminal state. */
  public WatchJobResponse next() throws InterruptedException {
    var update = Attempt.result(attempt.read(receive(), sequence), WatchJobResponse.getDefaultInstance());
    sequence += 1;
    var job = update.getJob();
    var isSame = job.getRevision() == known.getRevision() && job.getState() == known.getState();
    if (!job.getJobId().equals(known.getJobId()) || !(job.getRevision() > known.getRevision() || isSame))
      throw new UnverifiedException("it does not follow the state before");
    known = job;
    return update;
  }

  @Override
  public void close() {
    call.cancel("the watch is over", null);
  }

  private Frame receive() throws InterruptedException {
    try {
      var frame = call.read(SILENCE_MS, TimeUnit.MILLISECONDS);
      if (frame != null) return frame;
      throw new UnansweredException(Status.UNAVAILABLE.withDescription("the watch was cut off"));
    } catch (TimeoutException e) {
      throw new UnansweredException(Status.UNAVAILABLE.withDescription("the watch fell silent"));
    } catch (StatusException e) {
      throw attempt.readRefusal(e, sequence);
    }
  }
}

package dev.sealwire;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import dev.sealwire.system.v1.CancelJobRequest;
import dev.sealwire.system.v1.PollJobRequest;
import dev.sealwire.system.v1.SystemToolServiceGrpc;
import dev.sealwire.system.v1.WatchJobRequest;
import dev.sealwire.system.v1.WatchJobResponse;
import dev.sealwire.v1.Job;
import dev.sealwire.v1.JobState;
import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * One job of the client. A handle has no state on the server: it can be dropped, and made again from the id, also in another
 * process. Methods throw {@link StatusRuntimeException}; with NOT_FOUND and reason JOB_NOT_FOUND if the client has no such
 * job, or no longer. Safe for use by several threads.
 */
public final class JobHandle {
  private final SealwireChannel channel;
  private final String id;
  private final Job started;

  JobHandle(SealwireChannel channel, Job started) {
    this.channel = channel;
    this.id = started.getJobId();
    this.started = started;
  }

  JobHandle(SealwireChannel channel, String id) {
    this.channel = channel;
    this.id = id;
    this.started = null;
  }

  /**
   * Returns the id of the job.
   *
   * @return the id, which finds the job again
   */
  public String id() {
    return id;
  }

  /**
   * Returns the state in which the server accepted the job.
   *
   * @return the state; empty for a handle that was made from an id
   */
  public Optional<Job> accepted() {
    return Optional.ofNullable(started);
  }

  /**
   * Asks for the state of the job.
   *
   * @return the current state
   */
  public Job state() {
    var request = PollJobRequest.newBuilder().setJobId(id).build();
    return SystemToolServiceGrpc.newBlockingStub(channel).pollJob(request).getJob();
  }

  /**
   * Asks the job to stop. A queued job is cancelled at once, a running one soon; one that has ended stays as it is.
   *
   * @return the state after that
   */
  public Job cancel() {
    var request = CancelJobRequest.newBuilder().setJobId(id).build();
    return SystemToolServiceGrpc.newBlockingStub(channel).cancelJob(request).getJob();
  }

  /**
   * Watches the job: its current state, then each newer one, and the terminal one as the last. Resumes by itself.
   *
   * @return the states
   */
  public Watch<Job> watch() {
    return watch(0);
  }

  /**
   * Watches the job from a state on that is known.
   *
   * @param afterRevision only newer revisions are given, and the terminal state in any case; 0 for all
   * @return the states
   */
  public Watch<Job> watch(long afterRevision) {
    var news = new NewStates(afterRevision);
    return new Watch<>(() -> SystemToolServiceGrpc.newBlockingStub(channel).watchJob(request(afterRevision)),
        (WatchJobResponse update) -> news.isNew(update.getJob()) ? List.of(update.getJob()) : List.<Job>of());
  }

  /**
   * Watches the job without waiting.
   *
   * @param afterRevision only newer revisions are given, and the terminal state in any case; 0 for all
   * @param states takes the states, then the end; one call at a time
   * @return leaves the watch when it is closed
   */
  public Subscription watch(long afterRevision, StreamObserver<Job> states) {
    var news = new NewStates(afterRevision);
    return follow(afterRevision, new StreamObserver<>() {
      @Override
      public void onNext(WatchJobResponse update) {
        if (news.isNew(update.getJob())) states.onNext(update.getJob());
      }

      @Override
      public void onError(Throwable thrown) {
        states.onError(thrown);
      }

      @Override
      public void onCompleted() {
        states.onCompleted();
      }
    });
  }

  /**
   * Waits for the end of the job and returns its output.
   *
   * @param <T> the tool's response message
   * @param responseType its default instance
   * @return the verified output
   * @throws StatusRuntimeException with the job's own error if it has failed or was cancelled
   */
  public <T extends Message> T result(T responseType) {
    try (var watch = new Watch<WatchJobResponse>(
        () -> SystemToolServiceGrpc.newBlockingStub(channel).watchJob(request(0)), List::of)) {
      WatchJobResponse last = null;
      while (watch.hasNext()) last = watch.next();
      return read(last, responseType);
    }
  }

  /**
   * Returns the output of the job without waiting. Cancelling the future leaves the watch; the job goes on.
   *
   * @param <T> the tool's response message
   * @param responseType its default instance
   * @return completes with the verified output, or with the job's own error
   */
  public <T extends Message> CompletableFuture<T> resultAsync(T responseType) {
    var result = new CompletableFuture<T>();
    var subscription = follow(0, new StreamObserver<>() {
      private WatchJobResponse last;

      @Override
      public void onNext(WatchJobResponse update) {
        last = update;
      }

      @Override
      public void onError(Throwable thrown) {
        result.completeExceptionally(thrown);
      }

      @Override
      public void onCompleted() {
        try {
          result.complete(read(last, responseType));
        } catch (StatusRuntimeException e) {
          result.completeExceptionally(e);
        }
      }
    });
    result.whenComplete((output, thrown) -> subscription.close());
    return result;
  }

  private Subscription follow(long afterRevision, StreamObserver<WatchJobResponse> updates) {
    var context = Context.current().withCancellation();
    context.run(() -> SystemToolServiceGrpc.newStub(channel).watchJob(request(afterRevision), updates));
    return () -> context.cancel(null);
  }

  private WatchJobRequest request(long afterRevision) {
    return WatchJobRequest.newBuilder().setJobId(id).setAfterRevision(afterRevision).build();
  }

  private <T extends Message> T read(WatchJobResponse last, T responseType) {
    var job = last.getJob();
    if (job.getState() == JobState.JOB_STATE_SUCCEEDED) return unpack(last.getOutput(), responseType);
    throw thrown(NativeStatus.ofTool(JobAnswers.failureOf(job), known(job)));
  }

  @SuppressWarnings("unchecked")
  private <T extends Message> T unpack(Any output, T responseType) {
    try {
      var type = Intent.TYPE_URL_PREFIX + responseType.getDescriptorForType().getFullName();
      if (output.getTypeUrl().equals(type)) return (T) responseType.getParserForType().parseFrom(output.getValue());
    } catch (InvalidProtocolBufferException e) {
      // As an output of another type.
    }
    var failure = Failure.invalid("The output of job " + id + " is no "
        + responseType.getDescriptorForType().getFullName() + ".");
    throw thrown(NativeStatus.before(failure));
  }

  private FailedCall known(Job job) {
    return new FailedCall(job.getTool(), false, job.getRequestId(), id);
  }

  private static StatusRuntimeException thrown(NativeStatus status) {
    return status.status().asRuntimeException(status.trailers());
  }

  /** Tells the states that were not given before, since a resumed stream may repeat one. */
  private static final class NewStates {
    private long given;

    NewStates(long afterRevision) {
      given = afterRevision;
    }

    boolean isNew(Job job) {
      var isNew = job.getRevision() > given || JobAnswers.isTerminal(job.getState());
      given = Math.max(given, job.getRevision());
      return isNew;
    }
  }
}

package example;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import sealwire.demo.v1.BatchSum.BatchSumRequest;
import sealwire.demo.v1.BatchSum.BatchSumResponse;
import sealwire.demo.v1.StartLongTask.StartLongTaskRequest;
import sealwire.demo.v1.StartLongTask.StartLongTaskResponse;
import sealwire.system.v1.CancelJob.CancelJobRequest;
import sealwire.system.v1.CancelJob.CancelJobResponse;
import sealwire.system.v1.ServerIdentity.ServerIdentityRequest;
import sealwire.system.v1.ServerIdentity.ServerIdentityResponse;
import sealwire.system.v1.WatchJob.WatchJobResponse;
import sealwire.v1.JobOuterClass.Job;
import sealwire.v1.JobOuterClass.JobState;

/** Calls the demo tools of a server. Its argument is the path of a credentials file. */
public final class Main {
  private static final int PATIENCE = 20;

  private final Client client;

  private Main(Client client) {
    this.client = client;
  }

  public static void main(String[] args) {
    System.setOut(new PrintStream(System.out, true, UTF_8));
    if (args.length != 1) {
      System.err.println("usage: Main CREDENTIALS");
      System.exit(2);
    }
    try (var client = new Client(Credentials.read(Path.of(args[0])))) {
      new Main(client).run();
    } catch (CompletionException e) {
      fail(e.getCause());
    } catch (IOException | InterruptedException | RuntimeException e) {
      fail(e);
    }
  }

  private static void fail(Throwable e) {
    System.err.println(e.getMessage());
    System.exit(1);
  }

  private void run() throws InterruptedException {
    identify();
    addUp();
    followAJob();
    cancelAJob();
  }

  private void identify() {
    var request = ServerIdentityRequest.getDefaultInstance();
    var identity = client.call("server_identity", request, ServerIdentityResponse.getDefaultInstance()).join();
    if (!identity.getFingerprint().equals(client.credentials().serverFingerprint()))
      throw new IllegalStateException("the server's fingerprint is not the one in the credentials");
    System.out.println("server " + identity.getServerId() + ", fingerprint as in the credentials");
  }

  private void addUp() {
    var request = BatchSumRequest.newBuilder().addAllNumbers(List.of(1.0, 2.0, 3.5)).build();
    var sum = client.call("batch_sum", request, BatchSumResponse.getDefaultInstance()).join();
    System.out.println(sum.getCount() + " numbers, " + sum.getTotal() + " in all");

    var bad = BatchSumRequest.newBuilder().addAllNumbers(List.of(1.0, Double.NaN, Double.POSITIVE_INFINITY)).build();
    try {
      client.call("batch_sum", bad, BatchSumResponse.getDefaultInstance()).join();
      throw new IllegalStateException("numbers without a sum were added up");
    } catch (CompletionException e) {
      if (!(e.getCause() instanceof RefusedException refused)) throw e;
      System.out.println("refused: " + refused.error().getReason().name().substring("ERROR_REASON_".length()));
      for (var violation : refused.error().getViolationsList())
        System.out.println("  " + violation.getField() + ": " + violation.getRuleId());
      for (var detail : refused.error().getDetailsList()) System.out.println("  " + detail.getTypeUrl());
    }
  }

  private void followAJob() throws InterruptedException {
    var payload = Struct.newBuilder().putFields("greeting", Value.newBuilder().setStringValue("süß 🦭").build());
    var request = StartLongTaskRequest.newBuilder().setSeconds(3).setPayload(payload).build();
    var job = client.start("start_long_task", request).join();

    job = follow(job, Main::show, JobState.JOB_STATE_RUNNING).getJob();
    System.out.println("watch resumed after revision " + job.getRevision());
    var end = follow(job, Main::show, JobState.JOB_STATE_SUCCEEDED);

    var output = Attempt.unpack(end.getOutput(), StartLongTaskResponse.getDefaultInstance());
    System.out.println("greeting: " + output.getPayload().getFieldsOrThrow("greeting").getStringValue());
  }

  private void cancelAJob() throws InterruptedException {
    var job = client.start("start_long_task", StartLongTaskRequest.newBuilder().setSeconds(20).build()).join();
    var cancel = CancelJobRequest.newBuilder().setJobId(job.getJobId()).build();
    client.call("cancel_job", cancel, CancelJobResponse.getDefaultInstance()).join();
    System.out.println("second job " + name(follow(job, state -> {}, JobState.JOB_STATE_CANCELLED).getJob()));
  }

  /** Watches a job until it has this state or has ended. Opens a new stream after each interruption. */
  private WatchJobResponse follow(Job known, Consumer<Job> each, JobState until) throws InterruptedException {
    for (var failures = 0; ; failures += 1) {
      try (var watch = client.watch(known)) {
        var isResumed = failures > 0;
        for (; ; ) {
          var update = watch.next();
          if (isResumed) System.out.println("watch resumed after revision " + known.getRevision());
          isResumed = false;
          if (update.getJob().getRevision() > known.getRevision()) failures = 0;
          known = update.getJob();
          each.accept(known);
          if (known.getState() == until || isTerminal(known)) return update;
        }
      } catch (RefusedException | UnansweredException e) {
        if (failures == PATIENCE || !Retry.mayHelp(e)) throw e;
        Thread.sleep(Retry.delayMs(e, failures + 1));
      }
    }
  }

  private static void show(Job job) {
    System.out.println("job " + name(job) + ", revision " + job.getRevision());
  }

  private static boolean isTerminal(Job job) {
    return switch (job.getState()) {
      case JOB_STATE_SUCCEEDED, JOB_STATE_FAILED, JOB_STATE_CANCELLED -> true;
      default -> false;
    };
  }

  private static String name(Job job) {
    return job.getState().name().substring("JOB_STATE_".length());
  }
}

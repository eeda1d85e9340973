package agent;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.sealwire.CallSettings;
import dev.sealwire.JobHandle;
import dev.sealwire.Subscription;
import dev.sealwire.Watch;
import dev.sealwire.system.v1.ListJobsRequest;
import dev.sealwire.system.v1.WatchJobsRequest;
import dev.sealwire.v1.Job;
import dev.sealwire.v1.JobState;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** The commands of the explicit client. */
final class Jobs {
  private static final String STATE = "JOB_STATE_";

  private final Output output;
  private final Channels channels;
  private final Calls calls;

  Jobs(Output output, Channels channels, Calls calls) {
    this.output = output;
    this.channels = channels;
    this.calls = calls;
  }

  JsonObject tool(Command command) throws Exception {
    var request = Types.read(Types.message(command.text("requestType")), command.object("request"));
    var type = Types.message(command.text("responseType"));
    var client = channels.client(command);
    return calls.stoppable(command, () -> {}, () -> {
      var isAsync = command.id() % 2 == 1;
      var settings = settings(command);
      return Answers.ok(Types.write(isAsync
          ? client.callAsync(command.text("tool"), request, type, settings).get()
          : client.call(command.text("tool"), request, type, settings)));
    });
  }

  JsonObject start(Command command) throws Exception {
    var request = Types.read(Types.message(command.text("requestType")), command.object("request"));
    var job = channels.client(command).start(command.text("tool"), request, settings(command));
    var answer = new JsonObject();
    answer.addProperty("jobId", job.id());
    answer.addProperty("requestId", job.accepted().orElseThrow().getRequestId());
    return answer;
  }

  JsonObject watch(Command command) throws Exception {
    var after = command.number("afterRevision", 0);
    if (command.id() % 2 == 1) return listen(command, after);
    return calls.stoppable(command, () -> {}, () -> {
      Job last = null;
      try (Watch<Job> watch = job(command).watch(after)) {
        while (watch.hasNext()) {
          last = watch.next();
          output.event(command, "job", Types.write(last));
        }
      }
      return Answers.of("state", new JsonPrimitive(name(last)));
    });
  }

  /** A watch with a listener. */
  private JsonObject listen(Command command, long after) throws Exception {
    var end = new CompletableFuture<Job>();
    Subscription watch = job(command).watch(after, new StreamObserver<>() {
      private Job last;

      @Override
      public void onNext(Job job) {
        last = job;
        output.event(command, "job", Types.write(job));
      }

      @Override
      public void onError(Throwable thrown) {
        end.completeExceptionally(thrown);
      }

      @Override
      public void onCompleted() {
        end.complete(last);
      }
    });
    return calls.stoppable(command, watch::close, () -> Answers.of("state", new JsonPrimitive(name(end.get()))));
  }

  JsonObject result(Command command) throws Exception {
    var type = Types.message(command.text("responseType"));
    return calls.stoppable(command, () -> {}, () -> Answers.ok(Types.write(command.id() % 2 == 1
        ? job(command).resultAsync(type).get()
        : job(command).result(type))));
  }

  JsonObject state(Command command) {
    return Answers.of("job", Types.write(job(command).state()));
  }

  JsonObject cancel(Command command) {
    return Answers.of("job", Types.write(job(command).cancel()));
  }

  JsonObject list(Command command) {
    var filter = ListJobsRequest.newBuilder().setTool(command.text("tool"));
    filter.setPageSize((int) command.number("pageSize", 0));
    for (var state : command.list("states")) filter.addStates(JobState.valueOf(STATE + state.getAsString()));
    var jobs = new JsonArray();
    channels.client(command).jobs(filter.build()).forEach(job -> jobs.add(Types.write(job)));
    return Answers.of("jobs", jobs);
  }

  JsonObject watchAll(Command command) throws Exception {
    var request = WatchJobsRequest.newBuilder().setTool(command.text("tool")).build();
    var client = channels.client(command);
    return calls.stoppable(command, () -> {}, () -> {
      try (Watch<Job> watch = client.watchJobs(request)) {
        while (watch.hasNext()) output.event(command, "job", Types.write(watch.next()));
      }
      return new JsonObject();
    });
  }

  private JobHandle job(Command command) {
    return channels.client(command).job(command.text("jobId"));
  }

  private static CallSettings settings(Command command) {
    var settings = CallSettings.DEFAULT;
    if (command.has("requestId")) settings = settings.withRequestId(command.text("requestId"));
    if (command.has("timeoutMs")) settings = settings.withTimeout(Duration.ofMillis(command.number("timeoutMs", 0)));
    return settings;
  }

  private static String name(Job job) {
    return job.getState().name().substring(STATE.length());
  }
}

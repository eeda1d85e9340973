package example;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import dev.sealwire.Credentials;
import dev.sealwire.Sealwire;
import dev.sealwire.SealwireErrors;
import dev.sealwire.demo.v1.BatchSumRequest;
import dev.sealwire.demo.v1.DemoToolServiceGrpc;
import dev.sealwire.demo.v1.StartLongTaskRequest;
import dev.sealwire.demo.v1.StartLongTaskResponse;
import dev.sealwire.system.v1.ServerIdentityRequest;
import dev.sealwire.system.v1.SystemToolServiceGrpc;
import dev.sealwire.v1.Job;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.List;

/** Calls a server: who it is, a tool, arguments that are refused, a job that is watched, a job that is cancelled. */
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    var path = Path.of(args[0]);
    try (var client = Sealwire.client(path)) {
      var system = SystemToolServiceGrpc.newBlockingStub(client.channel());
      var identity = system.serverIdentity(ServerIdentityRequest.getDefaultInstance());
      if (!identity.getFingerprint().equals(Credentials.read(path).serverFingerprint()))
        throw new IllegalStateException("the server's fingerprint is not the one in the credentials");
      System.out.println("server " + identity.getServerId() + ", fingerprint as in the credentials");

      var demo = DemoToolServiceGrpc.newBlockingStub(client.channel());
      var sum = demo.batchSum(numbers(1.0, 2.0, 3.5));
      System.out.println(sum.getCount() + " numbers, " + sum.getTotal() + " in all");
      try {
        demo.batchSum(numbers(1.0, Double.NaN, Double.POSITIVE_INFINITY));
      } catch (StatusRuntimeException e) {
        var error = SealwireErrors.errorOf(e).orElseThrow(() -> e);
        System.out.println("refused: " + error.getReason().name().substring("ERROR_REASON_".length()));
        for (var each : error.getViolationsList()) System.out.println("  " + each.getField() + ": " + each.getRuleId());
      }

      var greeting = Value.newBuilder().setStringValue("süß 🦭").build();
      var payload = Struct.newBuilder().putFields("greeting", greeting);
      var job = client.start("start_long_task", StartLongTaskRequest.newBuilder().setSeconds(3).setPayload(payload).build());
      job.watch().forEachRemaining(state -> System.out.println("job " + name(state) + ", revision " + state.getRevision()));
      var output = job.result(StartLongTaskResponse.getDefaultInstance());
      System.out.println("greeting: " + output.getPayload().getFieldsOrThrow("greeting").getStringValue());

      var second = client.start("start_long_task", StartLongTaskRequest.newBuilder().setSeconds(20).build());
      second.cancel();
      try (var watch = second.watch(); var states = watch.stream()) {
        System.out.println("second job " + name(states.reduce((before, last) -> last).orElseThrow()));
      }
    }
  }

  private static BatchSumRequest numbers(Double... numbers) {
    return BatchSumRequest.newBuilder().addAllNumbers(List.of(numbers)).build();
  }

  private static String name(Job job) {
    return job.getState().name().substring("JOB_STATE_".length());
  }
}

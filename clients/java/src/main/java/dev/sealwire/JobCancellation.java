package dev.sealwire;

import dev.sealwire.system.v1.CancelJobRequest;
import io.grpc.Context;
import java.lang.System.Logger.Level;

/** Cancels the job of a call that its caller has abandoned. A failure is logged. */
final class JobCancellation {
  private static final String TYPE = Intent.TYPE_URL_PREFIX + "sealwire.system.v1.CancelJobRequest";
  private static final System.Logger LOG = System.getLogger("dev.sealwire");

  private JobCancellation() {}

  /** Sends the cancellation in the scope of the call, whose context has ended. */
  static void send(Connection connection, CallScope scope, String jobId) {
    var request = CancelJobRequest.newBuilder().setJobId(jobId).build();
    var intent = new Intent("cancel_job", TYPE, request.toByteString(), CallIntent.newRequestId());
    var own = new CallScope(scope.executor(), scope.options(), scope.headers(), Context.ROOT, scope.endpoints());
    new ToolCall(connection, own, intent, connection.options().timeoutMs(), (response, failure) -> {
      if (failure == null) return;
      LOG.log(Level.WARNING, "Job {0} of an abandoned call could not be cancelled: {1}", jobId, failure.message());
    }).start();
  }
}

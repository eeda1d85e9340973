package dev.sealwire;

import dev.sealwire.v1.ErrorReason;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status.Code;
import java.lang.System.Logger.Level;

/**
 * How the attempts of a call are sent.
 *
 * @param executor runs everything that concerns the call
 * @param options those of the caller; the deadline is set for each attempt
 * @param headers what is sent with each attempt
 * @param context the caller's context without its cancellation
 * @param endpoints the servers
 */
record CallScope(
    SerialExecutor executor, CallOptions options, Metadata headers, Context context, Endpoints endpoints) {
  private static final System.Logger LOG = System.getLogger("dev.sealwire");

  /** The scope of a call that this package makes itself. */
  static CallScope ownOf(Endpoints endpoints) {
    return new CallScope(
        new SerialExecutor(Threads.WORK), CallOptions.DEFAULT, new Metadata(), Context.ROOT, endpoints);
  }

  /** Begins one attempt. It fails at once if the server cannot be reached, because retries are made here. */
  ClientCall<byte[], byte[]> open(
      MethodDescriptor<byte[], byte[]> method, Deadline deadline, SendTrace trace, ClientCall.Listener<byte[]> listener) {
    var attempt = options.withExecutor(executor).withDeadline(deadline).withoutWaitForReady();
    var call = contextual(method, attempt.withStreamTracerFactory(trace));
    var sent = new Metadata();
    sent.merge(headers);
    try {
      call.start(listener, sent);
    } catch (RuntimeException e) {
      call.cancel("The call could not be started.", e);
      throw e;
    }
    return call;
  }

  /** The failure of an attempt at which an interceptor of the program has thrown. */
  Failure failureOf(RuntimeException thrown) {
    LOG.log(Level.ERROR, "An interceptor of the channel has thrown.", thrown);
    return Failure.of(ErrorReason.ERROR_REASON_INTERNAL, Code.INTERNAL, "An interceptor of the channel has thrown: " + thrown);
  }

  private ClientCall<byte[], byte[]> contextual(MethodDescriptor<byte[], byte[]> method, CallOptions attempt) {
    var previous = context.attach();
    try {
      return endpoints.next().newCall(method, attempt);
    } finally {
      context.detach(previous);
    }
  }
}

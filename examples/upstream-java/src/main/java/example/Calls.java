package example;

import com.google.gson.Gson;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCall.Listener;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Surrounds each call of a service: checks its assertion, logs, and refuses it once the server stops. An assertion covers the
 * request as it was received, so the messages of the service must be input streams, by
 * {@link io.grpc.ServerInterceptors#useInputStreamMessages}.
 */
final class Calls implements ServerInterceptor {
  private static final Gson GSON = new Gson();

  private record End(String method, String request, String job, Integer attempt, Status.Code ended) {}

  private final Verifier verifier;
  private final Stopping stopping;

  /** {@code verifier}: null if assertions are not checked. */
  Calls(Verifier verifier, Stopping stopping) {
    this.verifier = verifier;
    this.stopping = stopping;
  }

  @Override
  public <Q, R> Listener<Q> interceptCall(ServerCall<Q, R> call, Metadata metadata, ServerCallHandler<Q, R> next) {
    var info = Call.of(call.getMethodDescriptor().getBareMethodName(), metadata);
    var logged = new LoggedCall<>(call, info);
    var context = Context.current().withValue(Call.CURRENT, info);
    var listener = Contexts.interceptCall(context, logged, metadata, next);
    return new SimpleForwardingServerCallListener<>(listener) {
      private boolean isRefused;

      @Override
      public void onMessage(Q message) {
        var refusal = refusal(info, metadata, (InputStream) message);
        isRefused = !refusal.isOk();
        if (isRefused) {
          call.close(refusal, new Metadata());
          return;
        }
        logged.begin();
        super.onMessage(message);
      }

      @Override
      public void onHalfClose() {
        if (!isRefused) super.onHalfClose();
      }

      @Override
      public void onCancel() {
        logged.end(Status.Code.CANCELLED);
        super.onCancel();
      }
    };
  }

  private Status refusal(Call call, Metadata metadata, InputStream message) {
    try {
      if (verifier != null) verifier.check(call, Call.value(metadata, "sealwire-assertion"), read(message));
    } catch (RefusedException e) {
      return Status.UNAUTHENTICATED.withDescription("sealwire-assertion: " + e.getMessage());
    }
    return stopping.hasBegun() ? Stopping.STATUS : Status.OK;
  }

  /** Reads a message and leaves it to be read again. */
  private static byte[] read(InputStream message) {
    try {
      message.mark(Integer.MAX_VALUE);
      var bytes = message.readAllBytes();
      message.reset();
      return bytes;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A call that prints a line of JSON at its begin and one at its end. */
  private static final class LoggedCall<Q, R> extends SimpleForwardingServerCall<Q, R> {
    private final Call call;
    private final AtomicBoolean isOpen = new AtomicBoolean();

    LoggedCall(ServerCall<Q, R> delegate, Call call) {
      super(delegate);
      this.call = call;
    }

    void begin() {
      isOpen.set(true);
      System.out.println(GSON.toJson(call));
    }

    void end(Status.Code code) {
      if (!isOpen.getAndSet(false)) return;
      System.out.println(GSON.toJson(new End(call.method(), call.request(), call.job(), call.attempt(), code)));
    }

    @Override
    public void close(Status status, Metadata trailers) {
      end(status.getCode());
      super.close(status, trailers);
    }
  }
}

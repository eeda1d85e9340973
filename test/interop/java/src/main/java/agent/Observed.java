package agent;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.function.Consumer;

/** Sends metadata with a call, and keeps what comes. */
final class Observed implements ClientInterceptor {
  private final Metadata sent;
  private final Consumer<Metadata> onHeaders;
  volatile Metadata headers;
  volatile Metadata trailers;

  Observed(Metadata sent, Consumer<Metadata> onHeaders) {
    this.sent = sent;
    this.onHeaders = onHeaders;
  }

  @Override
  public <ReqT, RespT> ClientCall<ReqT, RespT> interceptCall(
      MethodDescriptor<ReqT, RespT> method, CallOptions options, Channel next) {
    return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
      @Override
      public void start(Listener<RespT> listener, Metadata given) {
        given.merge(sent);
        super.start(new SimpleForwardingClientCallListener<>(listener) {
          @Override
          public void onHeaders(Metadata received) {
            headers = received;
            onHeaders.accept(received);
            super.onHeaders(received);
          }

          @Override
          public void onClose(Status status, Metadata received) {
            trailers = received;
            super.onClose(status, received);
          }
        }, given);
      }
    };
  }
}

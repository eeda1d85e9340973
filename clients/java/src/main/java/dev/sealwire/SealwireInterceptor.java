package dev.sealwire;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.MethodDescriptor;
import java.util.List;

/**
 * Does for a channel that a program builds itself what {@link SealwireChannel} does: stubs on the intercepted channel make
 * signed calls. Build the channel with {@code disableRetry()}, because a retry by gRPC would send a nonce twice. The address,
 * TLS and the time until gRPC connects again are those of the channel. {@link SealwireBuilder#buildInterceptor()} makes it.
 *
 * <pre>{@code
 * var interceptor = Sealwire.builder().credentials(path).buildInterceptor();
 * var managed = Grpc.newChannelBuilder(target, credentials).disableRetry().build();
 * var stub = DemoToolServiceGrpc.newBlockingStub(ClientInterceptors.intercept(managed, interceptor));
 * }</pre>
 */
public final class SealwireInterceptor implements ClientInterceptor {
  private final Connection connection;

  SealwireInterceptor(Connection connection) {
    this.connection = connection;
  }

  @Override
  public <ReqT, RespT> ClientCall<ReqT, RespT> interceptCall(
      MethodDescriptor<ReqT, RespT> method, CallOptions options, Channel next) {
    if (PassedServices.include(method)) return next.newCall(method, options);
    return new SealwireCall<>(connection, Endpoints.of(List.of(next)), method, options);
  }
}

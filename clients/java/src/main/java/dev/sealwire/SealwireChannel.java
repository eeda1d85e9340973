package dev.sealwire;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import java.util.List;

/**
 * A channel for ordinary generated stubs. Each call is signed, sent and verified, and repeated where that is safe; a call of
 * a job method starts the job, watches it to its end and answers with its output (docs/proxy.md). Safe for use by several
 * threads.
 *
 * <pre>{@code
 * try (var channel = Sealwire.channel(Path.of(".sealwire/client.json"))) {
 *   var stub = DemoToolServiceGrpc.newBlockingStub(channel);
 *   var sum = stub.batchSum(BatchSumRequest.newBuilder().addNumbers(1).addNumbers(2).build());
 * }
 * }</pre>
 *
 * <p>{@code sealwire.v1}, {@code grpc.health.v1} and {@code grpc.reflection} pass through unsigned. Metadata of the caller is
 * sent on, except for two keys: {@code sealwire-request-id} names the intent, and {@code sealwire-cancel-on-abandon: true}
 * cancels the job of a call that is cancelled or runs out of time. The ids of the request and of the job are in the initial
 * metadata as soon as the server has signed that it has accepted, and again in the trailers.
 */
public final class SealwireChannel extends Channel implements AutoCloseable {
  private final Connection connection;
  private final List<ManagedChannel> channels;
  private final Endpoints endpoints;

  SealwireChannel(Connection connection, List<ManagedChannel> channels) {
    this.connection = connection;
    this.channels = channels;
    endpoints = Endpoints.of(channels);
  }

  @Override
  public <ReqT, RespT> ClientCall<ReqT, RespT> newCall(MethodDescriptor<ReqT, RespT> method, CallOptions options) {
    if (PassedServices.include(method)) return endpoints.next().newCall(method, options);
    return new SealwireCall<>(connection, endpoints, method, options);
  }

  @Override
  public String authority() {
    return channels.get(0).authority();
  }

  /** Ends all open calls with CANCELLED, and closes the connections. Jobs go on. */
  @Override
  public void close() {
    connection.close();
    for (var channel : channels) channel.shutdownNow();
  }
}

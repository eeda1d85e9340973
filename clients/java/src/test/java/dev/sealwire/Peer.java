package dev.sealwire;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Message;
import dev.sealwire.demo.v1.DemoToolServiceOuterClass;
import dev.sealwire.system.v1.ListToolsResponse;
import dev.sealwire.system.v1.SystemToolServiceOuterClass;
import dev.sealwire.system.v1.ToolDescription;
import dev.sealwire.v1.Envelope;
import dev.sealwire.v1.Error;
import dev.sealwire.v1.JobPolicy;
import dev.sealwire.v1.Response;
import dev.sealwire.v1.Status;
import io.grpc.Channel;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;

/** A server in this process that says with the response key what a test wants. It answers list_tools itself. */
final class Peer implements AutoCloseable {
  private static final HmacKey RESPONSE_KEY = HmacKey.parseResponseKey(TestCredentials.RESPONSE_KEY);

  /** What the peer does with a call. */
  interface Behaviour {
    void call(Received request, StreamObserver<byte[]> reply) throws Exception;
  }

  /** A request that was rightly signed. */
  record Received(Envelope envelope, Frame frame) {
    /** A signed frame for this request. */
    byte[] sign(Response.Builder response, long sequence) {
      return sign(response, System.currentTimeMillis(), sequence);
    }

    private byte[] sign(Response.Builder response, long nowMs, long sequence) {
      var content = response.setV(Signing.VERSION).setServerId("calculator").setRequestId(envelope.getRequestId())
          .setTsMs(nowMs).setSequence(sequence).build().toByteString();
      var input = Signing.pae(ByteString.copyFromUtf8("response"), frame.signature(), content);
      return new Frame(content, frame.keyId(), ByteString.copyFrom(RESPONSE_KEY.sign(input))).toBytes();
    }

    byte[] ok(Message result) {
      return sign(Response.newBuilder().setOk(true).setStatus(Status.STATUS_OK).setResult(Any.pack(result)), 0);
    }

    /** A refusal as a gRPC status with its signed frame. */
    StatusRuntimeException refusal(Error error) {
      return refusal(error, System.currentTimeMillis());
    }

    /** Likewise by a clock that shows another time. */
    StatusRuntimeException refusal(Error error, long nowMs) {
      var signed = sign(Response.newBuilder().setStatus(Status.STATUS_ERROR).setError(error), nowMs, 0);
      var type = "type.googleapis.com/sealwire.v1.CallResponse";
      var detail = Any.newBuilder().setTypeUrl(type).setValue(ByteString.copyFrom(signed));
      return StatusProto.toStatusRuntimeException(com.google.rpc.Status.newBuilder()
          .setCode(error.getCodeValue()).setMessage(error.getMessage()).addDetails(detail).build());
    }
  }

  final Queue<Received> received = new ConcurrentLinkedQueue<>();

  /** What list_tools waits for. */
  volatile CountDownLatch tools = new CountDownLatch(0);

  /** What list_tools answers. */
  volatile ListToolsResponse listed = tools();

  private final Server server;
  private final String name = InProcessServerBuilder.generateName();
  private final ManagedChannel managed;

  Peer(Behaviour call, Behaviour watch) throws IOException {
    var service = ServerServiceDefinition.builder("sealwire.v1.ToolService")
        .addMethod(ToolMethods.CALL, ServerCalls.asyncUnaryCall((frame, reply) -> serve(frame, reply, call)))
        .addMethod(ToolMethods.WATCH_JOB, ServerCalls.asyncServerStreamingCall((frame, reply) -> serve(frame, reply, watch)))
        .build();
    server = InProcessServerBuilder.forName(name).addService(service).build().start();
    managed = InProcessChannelBuilder.forName(name).disableRetry().build();
  }

  /** A channel to this peer. */
  Channel channel(SealwireBuilder builder) {
    return channel(builder, CredentialsSource.fixed(Credentials.parse(TestCredentials.json())));
  }

  Channel channel(CredentialsSource source) {
    return channel(Sealwire.builder(), source);
  }

  /** A channel whose frames pass through an interceptor of the program. */
  Channel channel(ClientInterceptor below) {
    var source = CredentialsSource.fixed(Credentials.parse(TestCredentials.json()));
    return ClientInterceptors.intercept(managed, below, Sealwire.builder().credentials(source).buildInterceptor());
  }

  private Channel channel(SealwireBuilder builder, CredentialsSource source) {
    return ClientInterceptors.intercept(managed, builder.credentials(source).buildInterceptor());
  }

  Channel channel() {
    return channel(Sealwire.builder());
  }

  private void serve(byte[] bytes, StreamObserver<byte[]> reply, Behaviour behaviour) {
    try {
      var frame = Frame.parse(bytes);
      var request = new Received(Envelope.parseFrom(frame.content()), frame);
      if (request.envelope().getTool().equals("list_tools")) {
        tools.await();
        reply.onNext(request.ok(listed));
        reply.onCompleted();
        return;
      }
      received.add(request);
      behaviour.call(request, reply);
    } catch (Exception e) {
      reply.onError(e);
    }
  }

  static ListToolsResponse tools() {
    var files = new LinkedHashMap<String, FileDescriptor>();
    collect(DemoToolServiceOuterClass.getDescriptor(), files);
    collect(SystemToolServiceOuterClass.getDescriptor(), files);
    var set = FileDescriptorSet.newBuilder();
    files.values().forEach(file -> set.addFile(file.toProto()));
    var demo = "sealwire.demo.v1.DemoToolService.";
    var system = "sealwire.system.v1.SystemToolService.";
    return ListToolsResponse.newBuilder().setDescriptorSet(set.build().toByteString()).addAllTools(List.of(
        ToolDescription.newBuilder().setName("batch_sum").setMethod(demo + "BatchSum").setIdempotent(true).build(),
        ToolDescription.newBuilder().setName("start_long_task").setMethod(demo + "StartLongTask")
            .setJob(JobPolicy.getDefaultInstance()).build(),
        ToolDescription.newBuilder().setName("watch_job").setMethod(system + "WatchJob").setIdempotent(true).build(),
        ToolDescription.newBuilder().setName("cancel_job").setMethod(system + "CancelJob").setIdempotent(false).build()))
        .build();
  }

  private static void collect(FileDescriptor file, Map<String, FileDescriptor> files) {
    file.getDependencies().forEach(each -> collect(each, files));
    files.put(file.getFullName(), file);
  }

  @Override
  public void close() {
    managed.shutdownNow();
    server.shutdownNow();
  }
}

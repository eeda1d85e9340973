package example;

import com.google.protobuf.Message;
import example.Sealwire.UnverifiedException;
import io.grpc.CallOptions;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import sealwire.system.v1.WatchJob.WatchJobRequest;
import sealwire.v1.JobOuterClass.Job;
import sealwire.v1.ResponseOuterClass.Response;

/**
 * Calls tools of one server over gRPC. Returns verified responses only. Futures fail with a RefusedException,
 * UnansweredException or UnverifiedException.
 */
public final class Client implements AutoCloseable {
  private static final MethodDescriptor<Frame, Frame> CALL = method("sealwire.v1.ToolService/Call", MethodType.UNARY);
  private static final MethodDescriptor<Frame, Frame> WATCH_JOB =
      method("sealwire.v1.ToolService/WatchJob", MethodType.SERVER_STREAMING);
  private static final int ATTEMPTS = 5;
  private static final long TIMEOUT_S = 60;

  private final Credentials credentials;
  private final ManagedChannel channel;

  /** Makes a client. It connects on the first call. */
  public Client(Credentials credentials) {
    this.credentials = credentials;
    // A retry by gRPC would repeat the nonce.
    channel = Grpc.newChannelBuilder(credentials.address(), InsecureChannelCredentials.create()).disableRetry().build();
  }

  public Credentials credentials() {
    return credentials;
  }

  /** Calls a tool. {@code type}: the default instance of its response message. */
  public <R extends Message> CompletableFuture<R> call(String tool, Message args, R type) {
    return send(tool, args).thenApply(response -> Attempt.result(response, type));
  }

  /** Starts a job. */
  public CompletableFuture<Job> start(String tool, Message args) {
    return send(tool, args).thenApply(response -> {
      if (response.getOk() && response.hasJob()) return response.getJob();
      if (!response.getOk() && response.hasError()) throw new RefusedException(response.getError());
      throw new UnverifiedException("it has neither job nor error");
    });
  }

  /** Opens a stream of the job's states that are newer than the known one. */
  public Watch watch(Job known) {
    var args = WatchJobRequest.newBuilder().setJobId(known.getJobId()).setAfterRevision(known.getRevision()).build();
    var attempt = new Attempt(credentials, WATCH_JOB, "watch_job", args, UUID.randomUUID().toString());
    var call = ClientCalls.blockingV2ServerStreamingCall(channel, WATCH_JOB, CallOptions.DEFAULT, attempt.frame());
    return new Watch(attempt, call, known);
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }

  private CompletableFuture<Response> send(String tool, Message args) {
    return send(tool, args, UUID.randomUUID().toString(), 1);
  }

  /** Calls a tool. Retries temporary errors up to the maximum number of attempts. */
  private CompletableFuture<Response> send(String tool, Message args, String requestId, int attempts) {
    return sendOnce(tool, args, requestId).exceptionallyCompose(wrapped -> {
      var failure = wrapped instanceof CompletionException ? wrapped.getCause() : wrapped;
      if (attempts == ATTEMPTS || !Retry.mayHelp(failure)) return CompletableFuture.failedFuture(failure);
      var delayMs = Retry.delayMs(failure, attempts);
      var later = CompletableFuture.delayedExecutor(delayMs, TimeUnit.MILLISECONDS);
      return CompletableFuture.runAsync(() -> {}, later).thenCompose(done -> send(tool, args, requestId, attempts + 1));
    });
  }

  private CompletableFuture<Response> sendOnce(String tool, Message args, String requestId) {
    var attempt = new Attempt(credentials, CALL, tool, args, requestId);
    var options = CallOptions.DEFAULT.withDeadlineAfter(TIMEOUT_S, TimeUnit.SECONDS);
    var reply = new Reply();
    ClientCalls.asyncUnaryCall(channel.newCall(CALL, options), attempt.frame(), reply);
    return reply.handle((frame, failure) -> {
      if (failure != null) throw attempt.readRefusal(failure, 0);
      return attempt.read(frame, 0);
    });
  }

  private static MethodDescriptor<Frame, Frame> method(String name, MethodType type) {
    var marshaller = ProtoUtils.marshaller(Frame.getDefaultInstance());
    return MethodDescriptor.newBuilder(marshaller, marshaller).setFullMethodName(name).setType(type).build();
  }

  /** The answer to a unary call. Completes when the status is OK. */
  private static final class Reply extends CompletableFuture<Frame> implements StreamObserver<Frame> {
    private Frame frame;

    @Override
    public void onNext(Frame frame) {
      this.frame = frame;
    }

    @Override
    public void onError(Throwable failure) {
      completeExceptionally(failure);
    }

    @Override
    public void onCompleted() {
      complete(frame);
    }
  }
}

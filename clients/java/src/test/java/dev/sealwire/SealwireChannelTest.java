package dev.sealwire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Duration;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.sealwire.demo.v1.BatchSumRequest;
import dev.sealwire.demo.v1.BatchSumResponse;
import dev.sealwire.demo.v1.DemoToolServiceGrpc;
import dev.sealwire.demo.v1.StartLongTaskRequest;
import dev.sealwire.demo.v1.StartLongTaskResponse;
import dev.sealwire.system.v1.ListJobsRequest;
import dev.sealwire.system.v1.SystemToolServiceGrpc;
import dev.sealwire.system.v1.WatchJobRequest;
import dev.sealwire.v1.Error;
import dev.sealwire.v1.ErrorReason;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
final class SealwireChannelTest {
  private static final BatchSumRequest NUMBERS = BatchSumRequest.newBuilder().addNumbers(1).addNumbers(2).build();
  private static final BatchSumResponse SUM = BatchSumResponse.newBuilder().setCount(2).setTotal(3).build();
  private static final Peer.Behaviour NONE = (request, reply) -> reply.onError(Status.UNIMPLEMENTED.asException());

  @Test
  void everyKindOfStubIsAnswered() throws Exception {
    try (var peer = new Peer((request, reply) -> answer(reply, request.ok(SUM)), NONE)) {
      var channel = peer.channel();
      assertEquals(SUM, sum(channel));
      assertEquals(SUM, DemoToolServiceGrpc.newFutureStub(channel).batchSum(NUMBERS).get());
      assertEquals(SUM, DemoToolServiceGrpc.newBlockingV2Stub(channel).batchSum(NUMBERS));
      var answer = new CompletableFuture<BatchSumResponse>();
      DemoToolServiceGrpc.newStub(channel).batchSum(NUMBERS, new StreamObserver<>() {
        @Override
        public void onNext(BatchSumResponse response) {
          answer.complete(response);
        }

        @Override
        public void onError(Throwable thrown) {
          answer.completeExceptionally(thrown);
        }

        @Override
        public void onCompleted() {}
      });
      assertEquals(SUM, answer.get());
    }
  }

  @Test
  void anAnswerThatIsNotSignedForItsRequestIsUnverified() throws IOException {
    var first = new AtomicInteger();
    var kept = new byte[1][];
    try (var peer = new Peer((request, reply) -> {
      if (first.getAndIncrement() == 0) kept[0] = request.ok(SUM);
      answer(reply, kept[0]);
    }, NONE)) {
      var channel = peer.channel();
      assertEquals(SUM, sum(channel));
      var thrown = assertThrows(StatusRuntimeException.class, () -> sum(channel));
      assertEquals(Code.DATA_LOSS, thrown.getStatus().getCode());
      assertTrue(SealwireErrors.isUnverified(thrown));
      assertTrue(SealwireErrors.errorOf(thrown).isEmpty());
      assertEquals("RESPONSE_UNVERIFIED", SealwireErrors.reasonOf(thrown).orElseThrow());
      assertEquals(2, peer.received.size());
      var future = DemoToolServiceGrpc.newFutureStub(channel).batchSum(NUMBERS);
      assertTrue(SealwireErrors.isUnverified(assertThrows(ExecutionException.class, future::get)));
    }
  }

  @Test
  void theResultOfAnotherToolIsUnverified() throws IOException {
    try (var peer = new Peer(
        (request, reply) -> answer(reply, request.ok(StartLongTaskResponse.getDefaultInstance())), NONE)) {
      assertEquals(Code.DATA_LOSS, statusOf(peer.channel()));
    }
  }

  @Test
  void aRefusalIsANativeStatusWithTheSignedError() throws Exception {
    var error = Error.newBuilder().setCodeValue(Code.RESOURCE_EXHAUSTED.value())
        .setReason(ErrorReason.ERROR_REASON_QUOTA_EXCEEDED).setMessage("too many")
        .setRetryDelay(Duration.newBuilder().setSeconds(100)).build();
    try (var peer = new Peer((request, reply) -> reply.onError(request.refusal(error)), NONE)) {
      var thrown = assertThrows(StatusRuntimeException.class, () -> sum(peer.channel()));
      assertEquals(error, SealwireErrors.errorOf(thrown).orElseThrow());
      var details = StatusProto.fromThrowable(thrown).getDetailsList();
      assertTrue(details.stream().anyMatch(any -> any.is(RetryInfo.class)));
      assertEquals("batch_sum", details.get(0).unpack(ErrorInfo.class).getMetadataOrThrow("tool"));
      assertTrue(SealwireErrors.requestIdOf(thrown).isPresent());
    }
  }

  @Test
  void aFailureOfAToolIsItsOutcomeInWhicheverWayItComes() throws IOException {
    var error = Error.newBuilder().setCodeValue(Code.RESOURCE_EXHAUSTED.value())
        .setReason(ErrorReason.ERROR_REASON_TOOL_FAILED).setMessage("no room").setRetryable(true).build();
    try (var peer = new Peer((request, reply) -> reply.onError(request.refusal(error)), NONE)) {
      var stub = DemoToolServiceGrpc.newBlockingStub(peer.channel());
      var thrown = assertThrows(
          StatusRuntimeException.class, () -> stub.startLongTask(StartLongTaskRequest.getDefaultInstance()));
      assertEquals(Code.RESOURCE_EXHAUSTED, thrown.getStatus().getCode());
      assertEquals(error, SealwireErrors.errorOf(thrown).orElseThrow());
      assertEquals(1, peer.received.size());
    }
  }

  @Test
  void anInterceptorThatThrowsFailsItsCallAndNoOther() throws IOException {
    var faults = new AtomicInteger(1);
    var thrower = new ClientInterceptor() {
      @Override
      public <ReqT, RespT> ClientCall<ReqT, RespT> interceptCall(
          MethodDescriptor<ReqT, RespT> method, CallOptions options, Channel next) {
        if (faults.getAndDecrement() > 0) throw new IllegalStateException("there is no token");
        return next.newCall(method, options);
      }
    };
    try (var peer = new Peer((request, reply) -> answer(reply, request.ok(SUM)), NONE)) {
      var channel = peer.channel(thrower);
      // The first fault is that of the contract, the second that of the call itself.
      assertEquals(Code.INTERNAL, statusOf(channel));
      assertEquals(SUM, sum(channel));
      faults.set(1);
      assertEquals(Code.INTERNAL, statusOf(channel));
      faults.set(1);
      var watch = SystemToolServiceGrpc.newBlockingStub(channel).watchJob(WatchJobRequest.getDefaultInstance());
      assertEquals(Code.INTERNAL, assertThrows(StatusRuntimeException.class, watch::hasNext).getStatus().getCode());
      assertEquals(SUM, sum(channel));
    }
  }

  @Test
  void aCancelledCallOfAToolThatIsNoJobEndsAtTheServerInAnyCase() throws Exception {
    var arrived = new CountDownLatch(1);
    var cancelled = new CountDownLatch(1);
    try (var peer = new Peer((request, reply) -> {
      ((ServerCallStreamObserver<byte[]>) reply).setOnCancelHandler(cancelled::countDown);
      arrived.countDown();
    }, NONE)) {
      var headers = new Metadata();
      headers.put(CallMetadata.CANCEL_ON_ABANDON, "true");
      var attach = MetadataUtils.newAttachHeadersInterceptor(headers);
      var call = DemoToolServiceGrpc.newFutureStub(peer.channel()).withInterceptors(attach).batchSum(NUMBERS);
      assertTrue(arrived.await(5, TimeUnit.SECONDS));
      call.cancel(true);
      assertTrue(cancelled.await(5, TimeUnit.SECONDS), "the call goes on");
      assertEquals(1, peer.received.size());
    }
  }

  @Test
  void aRetryKeepsTheRequestIdAndSignsAnew() throws IOException {
    var tries = new AtomicInteger();
    try (var peer = new Peer((request, reply) -> {
      if (tries.incrementAndGet() < 3) reply.onError(Status.INTERNAL.asException());
      else answer(reply, request.ok(SUM));
    }, NONE)) {
      assertEquals(SUM, sum(peer.channel()));
      var sent = List.copyOf(peer.received);
      assertEquals(3, sent.size());
      assertEquals(1, sent.stream().map(each -> each.envelope().getRequestId()).distinct().count());
      assertEquals(3, sent.stream().map(each -> each.envelope().getNonce()).distinct().count());
      assertEquals(3, sent.stream().map(each -> each.frame().signature()).distinct().count());
    }
  }

  @Test
  void theClockIsCorrectedOnceByAVerifiedAnswer() throws IOException {
    var aheadMs = 600_000;
    try (var peer = new Peer((request, reply) -> {
      var offMs = request.envelope().getTsMs() - System.currentTimeMillis() - aheadMs;
      if (Math.abs(offMs) < 5_000) answer(reply, request.ok(SUM));
      else reply.onError(request.refusal(skew(), System.currentTimeMillis() + aheadMs));
    }, NONE)) {
      assertEquals(SUM, sum(peer.channel()));
      assertEquals(2, peer.received.size());
    }
  }

  @Test
  void aJobStartWhoseOutcomeIsOpenIsUnknownAndNamesItsRequest() throws IOException {
    try (var peer = new Peer((request, reply) -> reply.onError(Status.UNAVAILABLE.asException()), NONE)) {
      var stub = DemoToolServiceGrpc.newBlockingStub(peer.channel(Sealwire.builder().maxAttempts(1)));
      var request = StartLongTaskRequest.newBuilder().setSeconds(1).build();
      var thrown = assertThrows(StatusRuntimeException.class, () -> stub.startLongTask(request));
      assertEquals(Code.UNKNOWN, thrown.getStatus().getCode());
      assertEquals("OUTCOME_UNKNOWN", SealwireErrors.reasonOf(thrown).orElseThrow());
      var requestId = peer.received.element().envelope().getRequestId();
      assertTrue(thrown.getStatus().getDescription().contains(requestId));
      assertEquals(requestId, SealwireErrors.requestIdOf(thrown).orElseThrow());
    }
  }

  @Test
  void aDeadlineOfTheOptionsOrOfTheContextEndsTheCall() throws IOException {
    try (var peer = new Peer((request, reply) -> { }, NONE)) {
      var stub = DemoToolServiceGrpc.newBlockingStub(peer.channel());
      var late = assertThrows(StatusRuntimeException.class,
          () -> stub.withDeadlineAfter(300, TimeUnit.MILLISECONDS).batchSum(NUMBERS));
      assertEquals(Code.DEADLINE_EXCEEDED, late.getStatus().getCode());
      var timer = Executors.newSingleThreadScheduledExecutor();
      try (var context = Context.current().withDeadlineAfter(300, TimeUnit.MILLISECONDS, timer)) {
        context.run(() -> assertEquals(Code.DEADLINE_EXCEEDED, statusOf(peer.channel())));
      } finally {
        timer.shutdownNow();
      }
    }
  }

  @Test
  void aCallWhoseExecutorIsGoneHoldsUpNoOther() throws Exception {
    try (var peer = new Peer((request, reply) -> answer(reply, request.ok(SUM)), NONE)) {
      peer.tools = new CountDownLatch(1);
      var channel = peer.channel();
      var executor = Executors.newSingleThreadExecutor();
      DemoToolServiceGrpc.newFutureStub(channel).withExecutor(executor).batchSum(NUMBERS);
      executor.shutdown();
      assertTrue(executor.awaitTermination(10, TimeUnit.SECONDS));
      var other = DemoToolServiceGrpc.newFutureStub(channel).batchSum(NUMBERS);
      peer.tools.countDown();
      assertEquals(SUM, other.get(10, TimeUnit.SECONDS));
    }
  }

  @Test
  void closingEndsEveryCallAlsoBesideOneWhoseExecutorIsGone() throws Exception {
    var connection = new Connection(CredentialsSource.fixed(Credentials.parse(TestCredentials.json())), ChannelOptions.DEFAULT);
    var ended = new AtomicInteger();
    for (var each = 0; each < 8; each += 1) {
      connection.enter(ended::incrementAndGet);
      connection.enter(() -> {
        throw new RejectedExecutionException();
      });
    }
    connection.close();
    assertEquals(8, ended.get());
  }

  @Test
  void aRequestThatCannotBeSerializedEndsItsCall() throws IOException {
    try (var peer = new Peer(NONE, NONE)) {
      var broken = new MethodDescriptor.Marshaller<String>() {
        @Override
        public InputStream stream(String value) {
          throw new IllegalArgumentException("no form for " + value);
        }

        @Override
        public String parse(InputStream stream) {
          return "";
        }
      };
      var method = MethodDescriptor.newBuilder(broken, broken)
          .setFullMethodName("sealwire.demo.v1.DemoToolService/BatchSum").setType(MethodDescriptor.MethodType.UNARY).build();
      var channel = peer.channel();
      var thrown = assertThrows(StatusRuntimeException.class,
          () -> ClientCalls.blockingUnaryCall(channel, method, CallOptions.DEFAULT, "this"));
      assertEquals(Code.INVALID_ARGUMENT, thrown.getStatus().getCode());
      assertTrue(thrown.getStatus().getDescription().contains("no form for this"));
      assertTrue(peer.received.isEmpty());
    }
  }

  @Test
  void aSourceOfCredentialsThatThrowsLeavesTheOnesBefore() throws IOException {
    var asked = new AtomicInteger();
    var source = new CredentialsSource() {
      @Override
      public Credentials current() {
        if (asked.getAndIncrement() > 0) throw new IllegalStateException("no credentials now");
        return Credentials.parse(TestCredentials.json());
      }

      @Override
      public boolean renew(Credentials refused) {
        throw new IllegalStateException("no credentials now");
      }
    };
    var first = new AtomicInteger();
    try (var peer = new Peer((request, reply) -> {
      if (first.getAndIncrement() == 0) answer(reply, request.ok(SUM));
      else reply.onError(Status.UNAUTHENTICATED.asException());
    }, NONE)) {
      var channel = peer.channel(source);
      assertEquals(SUM, sum(channel));
      assertEquals(Code.UNAUTHENTICATED, statusOf(channel));
    }
  }

  @Test
  void aCancelledCallReachesTheServer() throws Exception {
    var cancelled = new CountDownLatch(1);
    try (var peer = new Peer((request, reply) ->
        ((ServerCallStreamObserver<byte[]>) reply).setOnCancelHandler(cancelled::countDown), NONE)) {
      var future = DemoToolServiceGrpc.newFutureStub(peer.channel()).batchSum(NUMBERS);
      while (peer.received.isEmpty()) Thread.sleep(5);
      future.cancel(true);
      assertTrue(cancelled.await(10, TimeUnit.SECONDS));
    }
  }

  @Test
  void callbacksRunOnTheExecutorOfTheCall() throws Exception {
    try (var peer = new Peer((request, reply) -> answer(reply, request.ok(SUM)), NONE)) {
      var thread = new CompletableFuture<String>();
      var executor = Executors.newSingleThreadExecutor(task -> new Thread(task, "of the caller"));
      DemoToolServiceGrpc.newStub(peer.channel()).withExecutor(executor).batchSum(NUMBERS, new StreamObserver<>() {
        @Override
        public void onNext(BatchSumResponse response) {
          thread.complete(Thread.currentThread().getName());
        }

        @Override
        public void onError(Throwable thrown) {
          thread.completeExceptionally(thrown);
        }

        @Override
        public void onCompleted() {}
      });
      assertEquals("of the caller", thread.get());
      executor.shutdown();
    }
  }

  @Test
  void aMethodThatIsNoToolIsUnimplementedAndTheToolsAreNamed() throws IOException {
    try (var peer = new Peer(NONE, NONE)) {
      var stub = SystemToolServiceGrpc.newBlockingStub(peer.channel());
      var request = ListJobsRequest.getDefaultInstance();
      var thrown = assertThrows(StatusRuntimeException.class, () -> stub.listJobs(request));
      assertEquals(Code.UNIMPLEMENTED, thrown.getStatus().getCode());
      assertTrue(thrown.getStatus().getDescription().contains("sealwire.demo.v1.DemoToolService/BatchSum"));
    }
  }

  @Test
  void requestsAreCheckedBeforeTheyAreSentIfThatIsAskedFor() throws IOException {
    try (var peer = new Peer((request, reply) -> answer(reply, request.ok(SUM)), NONE)) {
      var stub = DemoToolServiceGrpc.newBlockingStub(peer.channel(Sealwire.builder().validateRequests()));
      var bad = BatchSumRequest.newBuilder().addNumbers(1).addNumbers(Double.NaN).build();
      var thrown = assertThrows(StatusRuntimeException.class, () -> stub.batchSum(bad));
      var violation = SealwireErrors.errorOf(thrown).orElseThrow().getViolations(0);
      assertEquals("numbers[1] double.finite", violation.getField() + " " + violation.getRuleId());
      assertTrue(peer.received.isEmpty());
      assertEquals(SUM, stub.batchSum(NUMBERS));
    }
  }

  private static BatchSumResponse sum(Channel channel) {
    return DemoToolServiceGrpc.newBlockingStub(channel).batchSum(NUMBERS);
  }

  private static Code statusOf(Channel channel) {
    return assertThrows(StatusRuntimeException.class, () -> sum(channel)).getStatus().getCode();
  }

  private static void answer(StreamObserver<byte[]> reply, byte[] frame) {
    reply.onNext(frame);
    reply.onCompleted();
  }

  private static Error skew() {
    return Error.newBuilder().setCodeValue(Code.FAILED_PRECONDITION.value())
        .setReason(ErrorReason.ERROR_REASON_CLOCK_SKEW).setMessage("the clocks differ").build();
  }
}

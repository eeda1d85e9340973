package dev.sealwire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import dev.sealwire.demo.v1.DemoToolServiceGrpc;
import dev.sealwire.demo.v1.StartLongTaskRequest;
import dev.sealwire.demo.v1.StartLongTaskResponse;
import dev.sealwire.system.v1.CancelJobResponse;
import dev.sealwire.system.v1.SystemToolServiceGrpc;
import dev.sealwire.system.v1.WatchJobRequest;
import dev.sealwire.system.v1.WatchJobResponse;
import dev.sealwire.v1.Error;
import dev.sealwire.v1.ErrorReason;
import dev.sealwire.v1.Job;
import dev.sealwire.v1.JobState;
import dev.sealwire.v1.Response;
import dev.sealwire.v1.Status;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
final class JobsTest {
  private static final StartLongTaskRequest REQUEST = StartLongTaskRequest.newBuilder().setSeconds(1).build();
  private static final StartLongTaskResponse OUTPUT = StartLongTaskResponse.getDefaultInstance();

  @Test
  void aJobMethodAnswersWithTheOutputOverABrokenStream() throws IOException {
    var streams = new AtomicInteger();
    try (var peer = new Peer(JobsTest::accept, (request, reply) -> {
      if (streams.incrementAndGet() == 1) {
        reply.onNext(state(request, 1, 2, JobState.JOB_STATE_RUNNING));
        reply.onError(io.grpc.Status.UNAVAILABLE.asException());
        return;
      }
      var after = request.envelope().getArgs().unpack(WatchJobRequest.class).getAfterRevision();
      reply.onNext(state(request, 1, after + 1, JobState.JOB_STATE_RUNNING));
      reply.onNext(state(request, 2, after + 2, JobState.JOB_STATE_SUCCEEDED));
      reply.onCompleted();
    })) {
      assertEquals(OUTPUT, start(peer.channel()));
      assertEquals(2, streams.get());
    }
  }

  @Test
  void aFailedJobIsANativeStatusWithItsError() throws IOException {
    try (var peer = new Peer(JobsTest::accept, (request, reply) -> {
      reply.onNext(state(request, 1, 2, JobState.JOB_STATE_FAILED));
      reply.onCompleted();
    })) {
      var thrown = assertThrows(StatusRuntimeException.class, () -> start(peer.channel()));
      assertEquals(Code.NOT_FOUND, thrown.getStatus().getCode());
      assertEquals("no such book", SealwireErrors.errorOf(thrown).orElseThrow().getMessage());
      assertEquals("job-1", SealwireErrors.jobIdOf(thrown).orElseThrow());
    }
  }

  @Test
  void aGapInTheSequenceIsUnverified() throws IOException {
    try (var peer = new Peer(JobsTest::accept, (request, reply) ->
        reply.onNext(state(request, 2, 2, JobState.JOB_STATE_RUNNING)))) {
      var thrown = assertThrows(StatusRuntimeException.class, () -> start(peer.channel()));
      assertEquals(Code.DATA_LOSS, thrown.getStatus().getCode());
      assertTrue(SealwireErrors.isUnverified(thrown));
    }
  }

  @Test
  void aStateThatCannotFollowIsRefused() throws IOException {
    for (var next : List.of(
        new Job[] {job(3, JobState.JOB_STATE_RUNNING), job(2, JobState.JOB_STATE_RUNNING)},
        new Job[] {job(3, JobState.JOB_STATE_QUEUED), job(3, JobState.JOB_STATE_RUNNING)})) {
      try (var peer = new Peer(JobsTest::accept, (request, reply) -> {
        reply.onNext(state(request, 1, next[0]));
        reply.onNext(state(request, 2, next[1]));
      })) {
        var thrown = assertThrows(StatusRuntimeException.class, () -> start(peer.channel()));
        assertEquals(Code.INTERNAL, thrown.getStatus().getCode());
        assertEquals("RESPONSE_INVALID", SealwireErrors.reasonOf(thrown).orElseThrow());
      }
    }
  }

  @Test
  void anAbandonedJobIsCancelledIfThatIsAskedFor() throws Exception {
    var watched = new CountDownLatch(1);
    var cancelled = new CountDownLatch(1);
    try (var peer = new Peer((request, reply) -> {
      if (!isCancelled(request, reply, cancelled)) accept(request, reply);
    }, (request, reply) -> watched.countDown())) {
      var future = DemoToolServiceGrpc.newFutureStub(cancelling(peer.channel())).startLongTask(REQUEST);
      assertTrue(watched.await(20, TimeUnit.SECONDS));
      future.cancel(true);
      assertTrue(cancelled.await(20, TimeUnit.SECONDS));
    }
  }

  @Test
  void aJobThatIsAcceptedAfterItsCallWasAbandonedIsCancelled() throws Exception {
    var started = new CountDownLatch(1);
    var abandoned = new CountDownLatch(1);
    var cancelled = new CountDownLatch(1);
    try (var peer = new Peer((request, reply) -> {
      if (isCancelled(request, reply, cancelled)) return;
      started.countDown();
      abandoned.await();
      accept(request, reply);
    }, (request, reply) -> { })) {
      var future = DemoToolServiceGrpc.newFutureStub(cancelling(peer.channel())).startLongTask(REQUEST);
      assertTrue(started.await(20, TimeUnit.SECONDS));
      future.cancel(true);
      abandoned.countDown();
      assertTrue(cancelled.await(20, TimeUnit.SECONDS));
    }
  }

  @Test
  void aStreamGivesAsManyMessagesAsAreRequested() throws Exception {
    try (var peer = new Peer(JobsTest::accept, (request, reply) -> {
      for (var revision = 1; revision < 5; revision += 1) {
        reply.onNext(state(request, revision, revision, JobState.JOB_STATE_RUNNING));
      }
      reply.onNext(state(request, 5, 5, JobState.JOB_STATE_SUCCEEDED));
      reply.onCompleted();
    })) {
      var events = new LinkedBlockingQueue<Object>();
      var call = peer.channel().newCall(SystemToolServiceGrpc.getWatchJobMethod(), CallOptions.DEFAULT);
      call.start(new ClientCall.Listener<>() {
        @Override
        public void onMessage(WatchJobResponse message) {
          events.add(message.getJob().getRevision());
        }

        @Override
        public void onClose(io.grpc.Status status, Metadata trailers) {
          events.add(status.getCode());
        }
      }, new Metadata());
      call.sendMessage(WatchJobRequest.newBuilder().setJobId("job-1").build());
      call.halfClose();
      assertEquals(null, events.poll(200, TimeUnit.MILLISECONDS));
      call.request(2);
      assertEquals(1L, events.take());
      assertEquals(2L, events.take());
      assertEquals(null, events.poll(200, TimeUnit.MILLISECONDS));
      call.request(10);
      for (var revision = 3L; revision <= 5; revision += 1) assertEquals(revision, events.take());
      assertEquals(Code.OK, events.take());
    }
  }

  private static Channel cancelling(Channel channel) {
    var headers = new Metadata();
    headers.put(CallMetadata.CANCEL_ON_ABANDON, "true");
    return ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  private static boolean isCancelled(Peer.Received request, StreamObserver<byte[]> reply, CountDownLatch cancelled) {
    if (!request.envelope().getTool().equals("cancel_job")) return false;
    cancelled.countDown();
    reply.onNext(request.ok(CancelJobResponse.getDefaultInstance()));
    reply.onCompleted();
    return true;
  }

  private static StartLongTaskResponse start(Channel channel) {
    return DemoToolServiceGrpc.newBlockingStub(channel).startLongTask(REQUEST);
  }

  private static void accept(Peer.Received request, StreamObserver<byte[]> reply) {
    reply.onNext(request.sign(Response.newBuilder().setOk(true).setStatus(Status.STATUS_ACCEPTED)
        .setJob(job(1, JobState.JOB_STATE_QUEUED)), 0));
    reply.onCompleted();
  }

  private static byte[] state(Peer.Received request, long sequence, long revision, JobState state) {
    return state(request, sequence, job(revision, state));
  }

  private static byte[] state(Peer.Received request, long sequence, Job job) {
    var result = WatchJobResponse.newBuilder().setJob(job);
    if (job.getState() == JobState.JOB_STATE_SUCCEEDED) result.setOutput(Any.pack(OUTPUT));
    var isFailed = job.getState() == JobState.JOB_STATE_FAILED;
    var response = Response.newBuilder().setOk(!isFailed).setStatus(statusOf(job)).setResult(Any.pack(result.build()));
    if (isFailed) response.setError(job.getError());
    return request.sign(response, sequence);
  }

  private static Status statusOf(Job job) {
    return switch (job.getState()) {
      case JOB_STATE_QUEUED -> Status.STATUS_ACCEPTED;
      case JOB_STATE_SUCCEEDED -> Status.STATUS_DONE;
      case JOB_STATE_FAILED -> Status.STATUS_ERROR;
      default -> Status.STATUS_RUNNING;
    };
  }

  private static Job job(long revision, JobState state) {
    var job = Job.newBuilder().setJobId("job-1").setTool("start_long_task").setRevision(revision).setState(state);
    if (state == JobState.JOB_STATE_FAILED) {
      job.setError(Error.newBuilder().setCodeValue(Code.NOT_FOUND.value())
          .setReason(ErrorReason.ERROR_REASON_TOOL_FAILED).setMessage("no such book"));
    }
    return job.build();
  }
}

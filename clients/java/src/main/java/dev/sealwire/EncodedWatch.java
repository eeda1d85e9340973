package dev.sealwire;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.sealwire.system.v1.WatchJobRequest;
import dev.sealwire.system.v1.WatchJobsRequest;
import dev.sealwire.v1.ErrorReason;
import dev.sealwire.v1.Response;
import io.grpc.Status.Code;
import java.util.List;

/**
 * A watch by a request of SystemToolService, which the first stream sends unchanged. Gives the message of every verified
 * answer, heartbeats too. A resumed stream may repeat a state.
 */
final class EncodedWatch implements Watched<ByteString> {
  /** The longest interval of heartbeats that a server accepts. */
  private static final int HEARTBEAT_MOST_MS = 60_000;

  private final Request first;
  private final Watched<?> target;

  /** True if the request asks for heartbeats that are too rare for this client, which then asks for its own. */
  private final boolean isSilent;

  private EncodedWatch(Request first, Watched<?> target, int requestedMs, int ownMs) {
    this.first = first;
    this.target = target;
    isSilent = requestedMs > ownMs && requestedMs <= HEARTBEAT_MOST_MS;
  }

  /** Makes the watch of a request of watch_job or watch_jobs. Throws FailureException if it does not decode. */
  static EncodedWatch of(Request first, int ownMs) {
    try {
      if (first.tool().equals("watch_jobs")) {
        var jobs = WatchJobsRequest.parseFrom(first.args());
        return new EncodedWatch(first, new WatchedJobs(jobs, ownMs), jobs.getHeartbeatIntervalMs(), ownMs);
      }
      var job = WatchJobRequest.parseFrom(first.args());
      var target = new WatchedJob(job.getJobId(), false, Math.max(0, job.getAfterRevision()), ownMs);
      return new EncodedWatch(first, target, job.getHeartbeatIntervalMs(), ownMs);
    } catch (InvalidProtocolBufferException e) {
      throw new FailureException(Failure.of(ErrorReason.ERROR_REASON_ARGS_INVALID, Code.INVALID_ARGUMENT,
          "The request of " + first.tool() + " does not decode; encode it by its contract."));
    }
  }

  static boolean isWatch(String tool) {
    return tool.equals("watch_job") || tool.equals("watch_jobs");
  }

  @Override
  public boolean isKnown() {
    return false;
  }

  @Override
  public Request request(StreamEnd end) {
    return end == null && !isSilent ? first : target.request(end);
  }

  @Override
  public Update<ByteString> read(Response response) {
    var update = target.read(response);
    return new Update<>(List.of(response.getResult().getValue()), update.isNews(), update.isOver());
  }
}

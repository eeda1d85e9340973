package dev.sealwire;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Timestamp;
import dev.sealwire.system.v1.WatchJobsRequest;
import dev.sealwire.system.v1.WatchJobsResponse;
import dev.sealwire.v1.Job;
import dev.sealwire.v1.Response;
import dev.sealwire.v1.Status;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** All jobs of the client as the target of a watch. */
final class WatchedJobs implements Watched<Job> {
  private static final String REQUEST = Intent.TYPE_URL_PREFIX + "sealwire.system.v1.WatchJobsRequest";
  private static final String RESPONSE = Intent.TYPE_URL_PREFIX + "sealwire.system.v1.WatchJobsResponse";

  private final WatchJobsRequest first;
  private final int heartbeatIntervalMs;

  /** The open jobs, and the ended ones that the next stream may send again. */
  private final Map<String, Job> known = new HashMap<>();

  private Timestamp resumeTime;

  WatchedJobs(WatchJobsRequest first, int heartbeatIntervalMs) {
    this.first = first;
    this.heartbeatIntervalMs = heartbeatIntervalMs;
  }

  @Override
  public boolean isKnown() {
    return false;
  }

  @Override
  public Request request(StreamEnd end) {
    var request = first.toBuilder().setHeartbeatIntervalMs(heartbeatIntervalMs);
    if (resumeTime != null) request.setEndedSince(resumeTime);
    return new Request("watch_jobs", REQUEST, request.build().toByteString());
  }

  @Override
  public Update<Job> read(Response response) {
    if (response.getStatus() != Status.STATUS_OK || !response.getResult().getTypeUrl().equals(RESPONSE)) {
      throw JobAnswers.invalid("A message of watch_jobs has the status " + response.getStatus() + " or holds no jobs.");
    }
    WatchJobsResponse answer;
    try {
      answer = WatchJobsResponse.parseFrom(response.getResult().getValue());
    } catch (InvalidProtocolBufferException e) {
      throw JobAnswers.invalid("A message of watch_jobs cannot be read: " + e.getMessage());
    }
    if (!answer.hasResumeTime()) throw JobAnswers.invalid("A message of watch_jobs does not say where to resume.");
    List<Job> items = answer.getJobsList().stream().filter(this::isNewer).toList();
    resumeFrom(answer.getResumeTime());
    return new Update<>(items, !items.isEmpty(), false);
  }

  private boolean isNewer(Job job) {
    if (!first.getTool().isEmpty() && !job.getTool().equals(first.getTool())) {
      throw JobAnswers.invalid("Asked for jobs of " + first.getTool() + ", watch_jobs gives one of " + job.getTool() + ".");
    }
    var before = known.get(job.getJobId());
    JobAnswers.checkSuccession(before, job);
    known.put(job.getJobId(), job);
    return before == null || job.getRevision() > before.getRevision();
  }

  /** Sets the time from which the next stream resumes, and forgets jobs that ended before. */
  private void resumeFrom(Timestamp time) {
    if (resumeTime != null && compare(time, resumeTime) <= 0) return;
    resumeTime = time;
    known.values().removeIf(
        job -> JobAnswers.isTerminal(job.getState()) && compare(job.getEndTime(), time) < 0);
  }

  private static int compare(Timestamp one, Timestamp other) {
    var seconds = Long.compare(one.getSeconds(), other.getSeconds());
    return seconds != 0 ? seconds : Integer.compare(one.getNanos(), other.getNanos());
  }
}

package dev.sealwire;

import dev.sealwire.system.v1.WatchJobRequest;
import dev.sealwire.system.v1.WatchJobResponse;
import dev.sealwire.v1.Job;
import dev.sealwire.v1.Response;
import java.util.List;

/** One job as the target of a watch: its current state, then each newer revision, and the terminal one as the last. */
final class WatchedJob implements Watched<WatchJobResponse> {
  private static final String TYPE = Intent.TYPE_URL_PREFIX + "sealwire.system.v1.WatchJobRequest";

  private final String jobId;
  private final boolean isKnown;
  private final long afterRevision;
  private final int heartbeatIntervalMs;
  private Job known;
  private long given;

  WatchedJob(String jobId, boolean isKnown, long afterRevision, int heartbeatIntervalMs) {
    this.jobId = jobId;
    this.isKnown = isKnown;
    this.afterRevision = afterRevision;
    this.heartbeatIntervalMs = heartbeatIntervalMs;
    given = afterRevision;
  }

  @Override
  public boolean isKnown() {
    return isKnown;
  }

  @Override
  public Request request(StreamEnd end) {
    // A stream that ended with OK but without the terminal state may have missed it: asks for the state again.
    var after = end instanceof StreamEnd.Truncated ? Math.max(0, given - 1) : given;
    var request = WatchJobRequest.newBuilder().setJobId(jobId).setAfterRevision(after);
    return new Request("watch_job", TYPE, request.setHeartbeatIntervalMs(heartbeatIntervalMs).build().toByteString());
  }

  @Override
  public Update<WatchJobResponse> read(Response response) {
    var answer = JobAnswers.read(jobId, response);
    var job = answer.getJob();
    JobAnswers.checkSuccession(known, job);
    if (job.getRevision() < afterRevision) {
      throw JobAnswers.invalid("Job " + jobId + " is at revision " + job.getRevision() + ", below " + afterRevision
          + ", which the caller knows already.");
    }
    var isNews = known == null || job.getRevision() > known.getRevision();
    var isOver = JobAnswers.isTerminal(job.getState());
    var isGiven = job.getRevision() > given || isOver;
    known = job;
    if (isGiven) given = job.getRevision();
    return new Update<>(isGiven ? List.of(answer) : List.of(), isNews, isOver);
  }
}

package dev.sealwire;

import dev.sealwire.system.v1.WatchJobsResponse;
import dev.sealwire.v1.Job;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The open jobs of a watch, and the ended ones that a resumed stream may repeat. */
final class KnownJobs {
  private final Map<String, Job> known = new HashMap<>();

  /** The states of a message that are newer than what came before. */
  List<Job> newer(WatchJobsResponse update) {
    var jobs = new ArrayList<Job>();
    for (var job : update.getJobsList()) {
      var before = known.put(job.getJobId(), job);
      if (before == null || job.getRevision() > before.getRevision()) jobs.add(job);
    }
    forgetEndedBefore(update.getResumeTime().getSeconds());
    return jobs;
  }

  /** A stream that is resumed repeats only ends since the resume time. */
  private void forgetEndedBefore(long seconds) {
    known.values().removeIf(
        job -> JobAnswers.isTerminal(job.getState()) && job.getEndTime().getSeconds() < seconds);
  }
}

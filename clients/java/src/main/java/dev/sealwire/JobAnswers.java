package dev.sealwire;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.sealwire.system.v1.WatchJobResponse;
import dev.sealwire.v1.Error;
import dev.sealwire.v1.ErrorReason;
import dev.sealwire.v1.Job;
import dev.sealwire.v1.JobState;
import dev.sealwire.v1.Response;
import dev.sealwire.v1.Status;
import io.grpc.Status.Code;

/** Checks what a server says about jobs. Every method throws FailureException with RESPONSE_INVALID. */
final class JobAnswers {
  private static final String WATCH_TYPE = Intent.TYPE_URL_PREFIX + "sealwire.system.v1.WatchJobResponse";

  private JobAnswers() {}

  /** Reads a verified message of watch_job. */
  static WatchJobResponse read(String jobId, Response response) {
    if (!response.getResult().getTypeUrl().equals(WATCH_TYPE)) {
      throw invalid("A message of watch_job holds no state of a job.");
    }
    WatchJobResponse answer;
    try {
      answer = WatchJobResponse.parseFrom(response.getResult().getValue());
    } catch (InvalidProtocolBufferException e) {
      throw invalid("A message of watch_job cannot be read: " + e.getMessage());
    }
    var job = answer.getJob();
    if (!job.getJobId().equals(jobId)) throw invalid("Asked for job " + jobId + ", watch_job answers about another.");
    if (response.getStatus() != statusOf(job.getState())) {
      throw invalid("The status " + response.getStatus() + " does not fit job " + jobId + " in " + job.getState() + ".");
    }
    if ((job.getState() == JobState.JOB_STATE_SUCCEEDED) != answer.hasOutput()) {
      throw invalid("Job " + jobId + " in " + job.getState() + " comes with" + (answer.hasOutput() ? "" : "out")
          + " an output.");
    }
    return answer;
  }

  /** Checks that a state can follow another: revisions never decrease and terminal states never change. */
  static void checkSuccession(Job known, Job next) {
    if (known == null) return;
    if (next.getRevision() < known.getRevision()) {
      throw invalid("Job " + next.getJobId() + " falls from revision " + known.getRevision() + " to "
          + next.getRevision() + ".");
    }
    if (next.getRevision() == known.getRevision() && next.getState() != known.getState()) {
      throw invalid("Job " + next.getJobId() + " changes to " + next.getState() + " without a new revision.");
    }
    if (next.getRevision() > known.getRevision() && isTerminal(known.getState())) {
      throw invalid("Job " + next.getJobId() + " goes on after it was " + known.getState() + ".");
    }
  }

  static boolean isTerminal(JobState state) {
    return switch (state) {
      case JOB_STATE_SUCCEEDED, JOB_STATE_FAILED, JOB_STATE_CANCELLED -> true;
      default -> false;
    };
  }

  /** The failure of a job that has ended without an output. */
  static Failure failureOf(Job job) {
    if (job.hasError()) return Failure.of(job.getError());
    if (job.getState() == JobState.JOB_STATE_CANCELLED) {
      return Failure.of(
          ErrorReason.ERROR_REASON_CANCELLED, Code.CANCELLED, "Job " + job.getJobId() + " was cancelled.");
    }
    return Failure.of(ErrorReason.ERROR_REASON_INTERNAL, Code.INTERNAL,
        "Job " + job.getJobId() + " failed and the server does not say why.");
  }

  /** The failure of a call whose verified answer is not ok. */
  static Failure failureOf(Response response) {
    if (response.hasError()) return Failure.of(response.getError());
    if (response.hasJob() && isTerminal(response.getJob().getState())) return failureOf(response.getJob());
    return Failure.of(Error.newBuilder().setCodeValue(Code.INTERNAL.value()).setReason(ErrorReason.ERROR_REASON_INTERNAL)
        .setMessage("Request " + response.getRequestId() + " failed and the server does not say why.").build());
  }

  static FailureException invalid(String message) {
    return new FailureException(Failure.invalid(message));
  }

  private static Status statusOf(JobState state) {
    return switch (state) {
      case JOB_STATE_QUEUED -> Status.STATUS_ACCEPTED;
      case JOB_STATE_RUNNING -> Status.STATUS_RUNNING;
      case JOB_STATE_SUCCEEDED -> Status.STATUS_DONE;
      case JOB_STATE_FAILED -> Status.STATUS_ERROR;
      case JOB_STATE_CANCELLED -> Status.STATUS_CANCELLED;
      default -> Status.STATUS_UNSPECIFIED;
    };
  }
}

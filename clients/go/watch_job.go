package sealwire

import (
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	systemv1 "sealwire.dev/sealwire/gen/sealwire/system/v1"
	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// isTerminal reports whether a job in this state has ended.
func isTerminal(state sealwirev1.JobState) bool {
	return state >= sealwirev1.JobState_JOB_STATE_SUCCEEDED
}

func isKnownState(state sealwirev1.JobState) bool {
	return state >= sealwirev1.JobState_JOB_STATE_QUEUED && state <= sealwirev1.JobState_JOB_STATE_CANCELLED
}

func unknownState(job *sealwirev1.Job) *problem {
	return invalidAnswer(fmt.Sprintf("job %s is in state %d, which this client does not know", job.JobId, job.State))
}

// jobAnswer is what poll_job, watch_job and cancel_job answer: the job, and its output if it has succeeded.
type jobAnswer struct {
	job    *sealwirev1.Job
	output *anypb.Any
	// encoded is the result as it came.
	encoded []byte
}

// jobMessage is PollJobResponse, WatchJobResponse or CancelJobResponse.
type jobMessage interface {
	proto.Message
	GetJob() *sealwirev1.Job
	GetOutput() *anypb.Any
}

// readJobAnswer reads a verified answer about a job, and checks that it is consistent.
func readJobAnswer(jobID string, response *sealwirev1.Response, into jobMessage) (*jobAnswer, *problem) {
	if response.Result == nil {
		if response.Error != nil {
			return nil, problemOf(response.Error)
		}
		return nil, invalidAnswer("the answer about job " + jobID + " holds no result")
	}
	if err := proto.Unmarshal(response.Result.Value, into); err != nil {
		return nil, invalidAnswer("the signed answer about job " + jobID + " cannot be read")
	}
	job := into.GetJob()
	switch {
	case job.GetJobId() != jobID:
		return nil, invalidAnswer("asked for job " + jobID + ", the server answers about another")
	case !isKnownState(job.State):
		return nil, unknownState(job)
	case response.Status != statusOfJob(job.State):
		return nil, invalidAnswer(fmt.Sprintf("the status %v does not fit job %s in %v", response.Status, jobID, job.State))
	case (job.State == sealwirev1.JobState_JOB_STATE_SUCCEEDED) != (into.GetOutput() != nil):
		return nil, invalidAnswer(fmt.Sprintf("job %s in %v comes with or without an output, against the contract", jobID, job.State))
	}
	return &jobAnswer{job: job, output: into.GetOutput(), encoded: response.Result.Value}, nil
}

func statusOfJob(state sealwirev1.JobState) sealwirev1.Status {
	switch state {
	case sealwirev1.JobState_JOB_STATE_QUEUED:
		return sealwirev1.Status_STATUS_ACCEPTED
	case sealwirev1.JobState_JOB_STATE_RUNNING:
		return sealwirev1.Status_STATUS_RUNNING
	case sealwirev1.JobState_JOB_STATE_SUCCEEDED:
		return sealwirev1.Status_STATUS_DONE
	case sealwirev1.JobState_JOB_STATE_FAILED:
		return sealwirev1.Status_STATUS_ERROR
	default:
		return sealwirev1.Status_STATUS_CANCELLED
	}
}

// checkSuccession returns a problem if next cannot follow known: revisions never fall and terminal states never change.
func checkSuccession(known, next *sealwirev1.Job) *problem {
	switch {
	case known == nil:
		return nil
	case next.Revision < known.Revision:
		return invalidAnswer(fmt.Sprintf("job %s falls from revision %d to %d", next.JobId, known.Revision, next.Revision))
	case next.Revision == known.Revision && next.State != known.State:
		return invalidAnswer(fmt.Sprintf("job %s changes from %v to %v without a new revision", next.JobId, known.State, next.State))
	case next.Revision > known.Revision && isTerminal(known.State):
		return invalidAnswer(fmt.Sprintf("job %s goes on to revision %d after it was %v", next.JobId, next.Revision, known.State))
	}
	return nil
}

// errorOfJob returns the error of a failed or cancelled job, otherwise nil.
func errorOfJob(job *sealwirev1.Job) *sealwirev1.Error {
	switch {
	case job.State != sealwirev1.JobState_JOB_STATE_FAILED && job.State != sealwirev1.JobState_JOB_STATE_CANCELLED:
		return nil
	case job.Error != nil:
		return job.Error
	case job.State == sealwirev1.JobState_JOB_STATE_CANCELLED:
		return ownError(codes.Canceled, sealwirev1.ErrorReason_ERROR_REASON_CANCELLED, "job "+job.JobId+" was cancelled")
	default:
		return ownError(codes.Internal, sealwirev1.ErrorReason_ERROR_REASON_INTERNAL, "job "+job.JobId+" failed and the server does not say why")
	}
}

// watchedJob is one job as the target of a watch. It yields each newer state, and the terminal one.
type watchedJob struct {
	jobID         string
	afterRevision int64
	heartbeatMs   int32
	known         *sealwirev1.Job
	yielded       int64
}

func (c *caller) watchedJob(jobID string, afterRevision int64) *watchedJob {
	return &watchedJob{
		jobID: jobID, afterRevision: afterRevision, heartbeatMs: int32(c.heartbeat.Milliseconds()), yielded: afterRevision,
	}
}

func (w *watchedJob) goesOn() string { return "job " + w.jobID + " goes on" }

func (w *watchedJob) next(_, wasCut bool) []byte {
	after := w.yielded
	if wasCut {
		// A stream that ended with OK without the terminal state may have missed it.
		after = max(0, after-1)
	}
	return mustMarshal(&systemv1.WatchJobRequest{JobId: w.jobID, AfterRevision: after, HeartbeatIntervalMs: w.heartbeatMs})
}

func (w *watchedJob) read(response *sealwirev1.Response) (update[*jobAnswer], *problem) {
	answer, invalid := readJobAnswer(w.jobID, response, &systemv1.WatchJobResponse{})
	if invalid != nil {
		return update[*jobAnswer]{}, invalid
	}
	job := answer.job
	if invalid = checkSuccession(w.known, job); invalid != nil {
		return update[*jobAnswer]{}, invalid
	}
	if job.Revision < w.afterRevision {
		return update[*jobAnswer]{}, invalidAnswer(fmt.Sprintf("job %s is at revision %d, below %d, which the caller knows already", w.jobID, job.Revision, w.afterRevision))
	}
	read := update[*jobAnswer]{isNews: w.known == nil || job.Revision > w.known.Revision, isOver: isTerminal(job.State)}
	if job.Revision > w.yielded || read.isOver {
		w.yielded = job.Revision
		read.items = []*jobAnswer{answer}
	}
	w.known = job
	return read, nil
}

// mustMarshal encodes a message of this package. It returns nothing for text that is not UTF-8.
func mustMarshal(message proto.Message) []byte {
	encoded, err := proto.Marshal(message)
	if err != nil {
		return nil
	}
	return encoded
}

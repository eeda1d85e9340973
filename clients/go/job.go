package sealwire

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	systemv1 "sealwire.dev/sealwire/gen/sealwire/system/v1"
	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// Job is a handle of one job. It holds nothing on the server: another one can be made from the id at any time, also by
// another process with credentials of the same client. Its methods fail with NOT_FOUND (JOB_NOT_FOUND) if the client has
// no such job. It is safe for use by many goroutines.
type Job struct {
	client *Client
	id     string

	mu     sync.Mutex
	latest *sealwirev1.Job
	output *anypb.Any
}

// Job returns a handle of the job with this id. It asks the server nothing.
func (c *Client) Job(id string) *Job { return &Job{client: c, id: id} }

// ID returns the server's name for the job.
func (j *Job) ID() string { return j.id }

// Latest returns the newest state that this handle has received; nil before the first one.
func (j *Job) Latest() *sealwirev1.Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.latest
}

// State asks for the job's state.
func (j *Job) State(ctx context.Context) (*sealwirev1.Job, error) {
	return j.ask(ctx, "poll_job", &systemv1.PollJobRequest{JobId: j.id}, &systemv1.PollJobResponse{})
}

// Cancel asks the job to stop, and returns its state: a queued job is CANCELLED at once, a running one soon, and one that
// has ended does not change. Asking again changes nothing.
func (j *Job) Cancel(ctx context.Context) (*sealwirev1.Job, error) {
	return j.ask(ctx, "cancel_job", &systemv1.CancelJobRequest{JobId: j.id}, &systemv1.CancelJobResponse{})
}

// Watch returns the job's states until its end: the current one, if its revision is above afterRevision, then each newer
// one, and the last one in any case. It resumes by itself when the connection breaks, the server restarts or is silent.
// The loop may be left at any time. An error is the last that it yields.
func (j *Job) Watch(ctx context.Context, afterRevision int64) iter.Seq2[*sealwirev1.Job, error] {
	return func(yield func(*sealwirev1.Job, error) bool) {
		w := j.watch(ctx, afterRevision)
		drain(w, j.facts("watch_job", w.request.requestID), func(answer *jobAnswer, err error) bool {
			if err != nil {
				return yield(nil, err)
			}
			j.note(answer)
			return yield(answer.job, nil)
		})
	}
}

// Result waits for the end of the job, and reads its output into a message. The error of a job that has failed or was
// cancelled is its own, see [ErrorOf].
func (j *Job) Result(ctx context.Context, into proto.Message) error {
	job, output := j.known()
	if job == nil || !isTerminal(job.State) || output == nil && errorOfJob(job) == nil {
		for _, err := range j.Watch(ctx, 0) {
			if err != nil {
				return err
			}
		}
		job, output = j.known()
	}
	facts := j.facts(job.GetTool(), job.GetRequestId())
	if e := errorOfJob(job); e != nil {
		return facts.toolFailed(e)
	}
	return facts.readAny(&jobAnswer{job: job, output: output}, into.ProtoReflect().Descriptor().FullName(), into)
}

// Result waits for the end of a job, and returns its output as a message of type T:
//
//	output, err := sealwire.Result[*demov1.StartLongTaskResponse](ctx, job)
func Result[T proto.Message](ctx context.Context, job *Job) (T, error) {
	output := newMessage[T]()
	if err := job.Result(ctx, output); err != nil {
		var none T
		return none, err
	}
	return output, nil
}

func (j *Job) watch(ctx context.Context, afterRevision int64) *watch[*jobAnswer] {
	calls := j.client.calls
	return newWatch(ctx, calls, j.client.conn, "watch_job", calls.watchedJob(j.id, max(0, afterRevision)), sortOptions(nil), j.Latest() != nil)
}

func (j *Job) ask(ctx context.Context, name string, args proto.Message, into jobMessage) (*sealwirev1.Job, error) {
	calls := j.client.calls
	t := systemTools.byName[name]
	limit, cancel := calls.limit(ctx)
	defer cancel()
	r := &request{tool: name, argsURL: t.argsURL, args: mustMarshal(args), resultType: t.resultType, requestID: newRequestID()}
	facts := j.facts(name, r.requestID)
	known := j.Latest()
	response, failed := calls.call(limit, j.client.conn, r, sortOptions(nil))
	if failed != nil {
		return nil, facts.failed(failed)
	}
	answer, invalid := readJobAnswer(j.id, response, into)
	if invalid == nil {
		invalid = checkSuccession(known, answer.job)
	}
	if invalid != nil {
		return nil, facts.failed(invalid)
	}
	j.note(answer)
	return answer.job, nil
}

// facts are of calls that change nothing, or nothing more when they are repeated.
func (j *Job) facts(tool, requestID string) callFacts {
	return callFacts{tool: tool, repeatable: true, requestID: requestID, jobID: j.id}
}

// note keeps the newest state. Answers to concurrent calls come in any order.
func (j *Job) note(answer *jobAnswer) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.latest == nil || answer.job.Revision >= j.latest.Revision {
		j.latest = answer.job
	}
	if answer.output != nil {
		j.output = answer.output
	}
}

func (j *Job) known() (*sealwirev1.Job, *anypb.Any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.latest, j.output
}

// String names the job.
func (j *Job) String() string { return fmt.Sprintf("job %s", j.id) }

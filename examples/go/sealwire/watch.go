package sealwire

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"example.com/sealwire-client/gen/frame"
	systempb "example.com/sealwire-client/gen/sealwire/system/v1"
	pb "example.com/sealwire-client/gen/sealwire/v1"
)

// silence is the time after which a watch counts as broken: two and a half heartbeat intervals.
const silence = 37500 * time.Millisecond

// ErrInterrupted means that a watch ended before its job. Watch again from the newest known revision.
var ErrInterrupted = errors.New("the watch was interrupted")

// Watch yields each newer state of a job up to the last one, or an error. After ErrInterrupted, call it again.
func (c *Client) Watch(ctx context.Context, jobID string, afterRevision int64) iter.Seq2[*systempb.WatchJobResponse, error] {
	return func(yield func(*systempb.WatchJobResponse, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		timer := time.AfterFunc(silence, cancel)
		defer timer.Stop()
		stream, expected, err := c.openWatch(ctx, &systempb.WatchJobRequest{JobId: jobID, AfterRevision: afterRevision})
		if err != nil {
			yield(nil, err)
			return
		}
		known := &pb.Job{JobId: jobID, Revision: afterRevision}
		for sequence := int64(1); ; sequence++ {
			state, err := c.receive(stream, expected, sequence, known)
			if err != nil {
				if !errors.Is(err, io.EOF) {
					yield(nil, err)
				}
				return
			}
			timer.Reset(silence)
			isHeartbeat := state.Job.Revision == known.Revision && state.Job.State == known.State
			known = state.Job
			if !isHeartbeat && !yield(state, nil) {
				return
			}
		}
	}
}

func (c *Client) openWatch(ctx context.Context, args *systempb.WatchJobRequest) (grpc.ClientStream, *Expected, error) {
	request, expected, err := c.Request(WatchJobMethod, "watch_job", args, &systempb.WatchJobResponse{}, rand.Text())
	if err != nil {
		return nil, nil, err
	}
	stream, err := c.Conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, WatchJobMethod)
	if err == nil {
		// Errors of SendMsg are ignored, because the first receive reports them with their status.
		_ = stream.SendMsg(request)
		err = stream.CloseSend()
	}
	if err != nil {
		err = c.interruption(err, expected, 1)
	}
	return stream, expected, err
}

// receive returns the next state, or io.EOF after the job's last state.
func (c *Client) receive(stream grpc.ClientStream, expected *Expected, sequence int64, known *pb.Job) (*systempb.WatchJobResponse, error) {
	received := &frame.Frame{}
	if err := stream.RecvMsg(received); errors.Is(err, io.EOF) {
		if !Terminal(known.State) {
			return nil, ErrInterrupted
		}
		return nil, io.EOF
	} else if err != nil {
		return nil, c.interruption(err, expected, sequence)
	}
	response, err := c.Credentials.Verify(expected, received, sequence)
	if err != nil {
		return nil, err
	}
	state := &systempb.WatchJobResponse{}
	if err := proto.Unmarshal(response.GetResult().GetValue(), state); err != nil {
		return nil, err
	}
	job := state.GetJob()
	if job.GetJobId() != known.JobId || job.Revision < known.Revision {
		return nil, fmt.Errorf("%w: the watch shows another job or goes back", ErrUnverified)
	}
	if sequence > 1 && job.Revision == known.Revision && job.State != known.State {
		return nil, fmt.Errorf("%w: the job has two states at one revision", ErrUnverified)
	}
	return state, nil
}

// interruption converts the error of a stream to ErrInterrupted if the watch can be resumed.
func (c *Client) interruption(err error, expected *Expected, sequence int64) error {
	err = c.refusal(err, expected, sequence)
	var failure *Failure
	if passing(err) || errors.As(err, &failure) && failure.Details.GetRetryable() {
		return ErrInterrupted
	}
	return err
}

// Terminal reports whether a job in this state has ended.
func Terminal(state pb.JobState) bool {
	return state >= pb.JobState_JOB_STATE_SUCCEEDED
}

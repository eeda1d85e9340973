package sealwire

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	systemv1 "sealwire.dev/sealwire/gen/sealwire/system/v1"
	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// encodedWatch yields the result of every verified message as it came, for a stub of the system service. Its first stream
// sends the caller's own request. A resumed stream may repeat a state.
type encodedWatch struct {
	first  []byte
	target interface {
		next(isFirst, wasCut bool) []byte
		goesOn() string
		take(*sealwirev1.Response) (isNews, isOver bool, invalid *problem)
	}
	// isSilent is true if the request asks for heartbeats that are too rare for the client, which then asks for its own.
	isSilent bool
}

// encodedWatch reads the request of a stub. The error is INVALID_ARGUMENT.
func (c *caller) encodedWatch(name string, args []byte) (*encodedWatch, *problem) {
	w := &encodedWatch{first: args}
	own := int32(c.heartbeat.Milliseconds())
	var asked int32
	if name == "watch_job" {
		request := &systemv1.WatchJobRequest{}
		if proto.Unmarshal(args, request) != nil {
			return nil, undecodable(name)
		}
		asked = request.HeartbeatIntervalMs
		w.target = takes[*jobAnswer]{c.watchedJob(request.JobId, max(0, request.AfterRevision))}
	} else {
		request := &systemv1.WatchJobsRequest{}
		if proto.Unmarshal(args, request) != nil {
			return nil, undecodable(name)
		}
		asked = request.HeartbeatIntervalMs
		jobs := c.watchedJobs(request.Tool, request.EndedSince.AsTime())
		jobs.endedSince = request.EndedSince
		w.target = takes[*sealwirev1.Job]{jobs}
	}
	w.isSilent = asked > own && asked <= int32(heartbeatMax.Milliseconds()) || asked == 0 && own < 15_000
	return w, nil
}

func undecodable(tool string) *problem {
	message := "the request of " + tool + " does not decode; encode it by its contract"
	return problemOf(ownError(codes.InvalidArgument, sealwirev1.ErrorReason_ERROR_REASON_ARGS_INVALID, message))
}

func (w *encodedWatch) goesOn() string { return w.target.goesOn() }

func (w *encodedWatch) next(isFirst, wasCut bool) []byte {
	if isFirst && !w.isSilent {
		return w.first
	}
	return w.target.next(isFirst, wasCut)
}

func (w *encodedWatch) read(response *sealwirev1.Response) (update[[]byte], *problem) {
	isNews, isOver, invalid := w.target.take(response)
	if invalid != nil {
		return update[[]byte]{}, invalid
	}
	return update[[]byte]{items: [][]byte{response.Result.Value}, isNews: isNews, isOver: isOver}, nil
}

// takes is a target whose items are not needed.
type takes[T any] struct{ watched[T] }

func (t takes[T]) take(response *sealwirev1.Response) (bool, bool, *problem) {
	read, invalid := t.read(response)
	return read.isNews, read.isOver, invalid
}

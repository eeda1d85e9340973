package sealwire

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	demov1 "sealwire.dev/sealwire/gen/sealwire/demo/v1"
	systemv1 "sealwire.dev/sealwire/gen/sealwire/system/v1"
	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

const (
	queued    = sealwirev1.JobState_JOB_STATE_QUEUED
	running   = sealwirev1.JobState_JOB_STATE_RUNNING
	succeeded = sealwirev1.JobState_JOB_STATE_SUCCEEDED
	cancelled = sealwirev1.JobState_JOB_STATE_CANCELLED
)

func job(state sealwirev1.JobState, revision int64) *sealwirev1.Job {
	return &sealwirev1.Job{JobId: "job-1", Tool: "start_long_task", State: state, Revision: revision}
}

func progressOf(revision, completed int64) *sealwirev1.Job {
	made := job(running, revision)
	made.Progress = &sealwirev1.JobProgress{Completed: completed, Total: 3}
	return made
}

var output = &demov1.StartLongTaskResponse{Payload: &structpb.Struct{Fields: map[string]*structpb.Value{"n": structpb.NewNumberValue(1)}}}

// jobPeer has one job, which watches show as they are told.
func jobPeer(t *testing.T, watch func(*call, func(*sealwirev1.Response)) error) *testPeer {
	p := startPeer(t, func(c *call) (*sealwirev1.Response, error) {
		switch c.Tool {
		case "start_long_task", "climb":
			return c.accepted("job-1"), nil
		case "cancel_job":
			return c.job(job(cancelled, 9), nil), nil
		case "poll_job":
			return c.job(job(running, 3), nil), nil
		}
		return nil, status.Error(codes.Unimplemented, c.Tool)
	})
	p.watch = watch
	return p
}

func (c *call) watchRequest() *systemv1.WatchJobRequest {
	request := &systemv1.WatchJobRequest{}
	_ = c.Args.UnmarshalTo(request)
	return request
}

// interruptions end the first streams of a watch in each way that a client resumes after.
var interruptions = map[string]func(*call) error{
	"a cut":             func(*call) error { return nil },
	"a lost connection": func(*call) error { return status.Error(codes.Unavailable, "lost") },
	"a reset":           func(*call) error { return status.Error(codes.Internal, "reset") },
	"silence": func(c *call) error {
		<-c.ctx.Done()
		return nil
	},
	"a server that drains": func(c *call) error {
		e := refusal(codes.Unavailable, sealwirev1.ErrorReason_ERROR_REASON_DRAINING)
		e.Retryable = true
		// The refusal has the next place of the stream.
		return c.refuseAt(e, 3)
	},
}

func TestAWatchIsResumed(t *testing.T) {
	for name, interrupt := range interruptions {
		t.Run(name, func(t *testing.T) {
			p := jobPeer(t, func(c *call, send func(*sealwirev1.Response)) error {
				if c.number == 1 {
					send(c.job(job(queued, 1), nil))
					send(c.job(job(running, 2), nil))
					return interrupt(c)
				}
				if after := c.watchRequest().AfterRevision; after != 2 && !(name == "a cut" && after == 1) {
					t.Errorf("resumed after %d", after)
				}
				send(c.job(job(running, 2), nil))
				send(c.job(job(succeeded, 5), output))
				return nil
			})
			client := p.client(t, fast, WithHeartbeatInterval(100*time.Millisecond))
			var revisions []int64
			handle := client.Job("job-1")
			for state, err := range handle.Watch(context.Background(), 0) {
				if err != nil {
					t.Fatal(err)
				}
				revisions = append(revisions, state.Revision)
			}
			if len(revisions) != 3 || revisions[0] != 1 || revisions[2] != 5 {
				t.Error(revisions)
			}
			if got, err := Result[*demov1.StartLongTaskResponse](context.Background(), handle); err != nil || got.Payload.Fields["n"].GetNumberValue() != 1 {
				t.Error(got, err)
			}
			if watched := p.seen("watch_job"); len(watched) != 2 || watched[0].RequestId != watched[1].RequestId {
				t.Errorf("%d streams", len(watched))
			}
		})
	}
}

func TestAWatchRefusesWhatContradictsItself(t *testing.T) {
	wrong := map[string]*sealwirev1.Job{
		"a falling revision":                 job(running, 1),
		"a changed state without a revision": job(queued, 2),
		"another job":                        {JobId: "job-2", State: running, Revision: 3},
	}
	for name, next := range wrong {
		t.Run(name, func(t *testing.T) {
			p := jobPeer(t, func(c *call, send func(*sealwirev1.Response)) error {
				send(c.job(job(running, 2), nil))
				send(c.job(next, nil))
				return nil
			})
			err := p.client(t).Job("job-1").Result(context.Background(), &demov1.StartLongTaskResponse{})
			if status.Code(err) != codes.Internal || ReasonOf(err) != "RESPONSE_INVALID" {
				t.Error(err)
			}
		})
	}
}

func TestAUnaryStubWaitsForItsJob(t *testing.T) {
	p := jobPeer(t, func(c *call, send func(*sealwirev1.Response)) error {
		send(c.job(job(succeeded, 5), output))
		return nil
	})
	var header metadata.MD
	answer, err := demov1.NewDemoToolServiceClient(p.client(t)).StartLongTask(context.Background(), &demov1.StartLongTaskRequest{Seconds: 1}, grpc.Header(&header))
	if err != nil || answer.Payload.Fields["n"].GetNumberValue() != 1 || header[jobIDKey][0] != "job-1" {
		t.Error(answer, err, header)
	}
}

func TestAStreamingMethodTellsItsProgressAndThenItsOutput(t *testing.T) {
	described := climbResponse(t)
	p := jobPeer(t, func(c *call, send func(*sealwirev1.Response)) error {
		send(c.job(job(queued, 1), nil))
		send(c.job(progressOf(2, 1), nil))
		send(c.job(progressOf(3, 1), nil))
		send(c.job(progressOf(4, 2), nil))
		send(c.job(job(succeeded, 5), dynamicpb.NewMessage(described)))
		return nil
	})
	stream, err := p.client(t).NewStream(context.Background(), &grpc.StreamDesc{ServerStreams: true}, "/test.v1.TestService/Climb")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stream.SendMsg(&demov1.StartLongTaskRequest{Seconds: 1}), stream.CloseSend()); err != nil {
		t.Fatal(err)
	}
	if header, err := stream.Header(); err != nil || header[jobIDKey][0] != "job-1" {
		t.Error(header, err)
	}
	var completed []int64
	for {
		message := dynamicpb.NewMessage(described)
		if err := stream.RecvMsg(message); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		progress := message.Get(described.Fields().ByNumber(1)).Message()
		completed = append(completed, progress.Get(progress.Descriptor().Fields().ByName("completed")).Int())
	}
	if !slices.Equal(completed, []int64{1, 2, 0}) {
		t.Error(completed)
	}
	if err := stream.RecvMsg(dynamicpb.NewMessage(described)); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// climbResponse describes a response that has progress.
func climbResponse(t *testing.T) protoreflect.MessageDescriptor {
	t.Helper()
	field := func(name string, number int32, kind descriptorpb.FieldDescriptorProto_Type, of *string) *descriptorpb.FieldDescriptorProto {
		label := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL
		return &descriptorpb.FieldDescriptorProto{Name: &name, Number: &number, Type: &kind, TypeName: of, Label: &label}
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("test/v1/climb.proto"), Package: proto.String("test.v1"), Syntax: proto.String("proto3"),
		Dependency: []string{"sealwire/v1/job.proto"},
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("ClimbResponse"), Field: []*descriptorpb.FieldDescriptorProto{
			field("progress", 1, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, proto.String(".sealwire.v1.JobProgress")),
			field("height", 2, descriptorpb.FieldDescriptorProto_TYPE_INT64, nil),
		}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return file.Messages().Get(0)
}

func TestASystemWatchOfAStubIsPassedOn(t *testing.T) {
	p := jobPeer(t, func(c *call, send func(*sealwirev1.Response)) error {
		send(c.job(job(running, 2+int64(c.number)), nil))
		if c.number == 1 {
			return status.Error(codes.Unavailable, "lost")
		}
		send(c.job(job(succeeded, 5), output))
		return nil
	})
	stream, err := systemv1.NewSystemToolServiceClient(p.client(t, fast)).WatchJob(context.Background(), &systemv1.WatchJobRequest{JobId: "job-1"})
	if err != nil {
		t.Fatal(err)
	}
	var last *systemv1.WatchJobResponse
	for {
		next, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		last = next
	}
	if last.GetJob().GetRevision() != 5 || last.GetOutput() == nil || len(p.seen("watch_job")) != 2 {
		t.Error(last)
	}
}

func TestAnAbandonedCallCancelsItsJobIfThatIsAskedFor(t *testing.T) {
	p := jobPeer(t, func(c *call, send func(*sealwirev1.Response)) error {
		send(c.job(job(running, 2), nil))
		<-c.ctx.Done()
		return nil
	})
	client := p.client(t)
	call := func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, 150*time.Millisecond)
		defer cancel()
		var header metadata.MD
		err := client.Call(ctx, "start_long_task", &demov1.StartLongTaskRequest{Seconds: 1}, &demov1.StartLongTaskResponse{}, grpc.Header(&header))
		if status.Code(err) != codes.DeadlineExceeded || header[jobIDKey][0] != "job-1" {
			t.Error(err, header)
		}
	}
	call(context.Background())
	client.calls.cancellations.wait(time.Second)
	if len(p.seen("cancel_job")) != 0 {
		t.Error("the job was cancelled though nobody asked for it")
	}
	call(WithCancelOnAbandon(context.Background()))
	client.calls.cancellations.wait(time.Second)
	if len(p.seen("cancel_job")) != 1 {
		t.Error("the job goes on")
	}
}

func TestTheJobOfACallThatIsAbandonedBeforeItsAnswerIsCancelled(t *testing.T) {
	release := make(chan struct{})
	p := jobPeer(t, nil)
	answer := p.answer
	p.answer = func(c *call) (*sealwirev1.Response, error) {
		if c.Tool == "start_long_task" {
			<-release
		}
		return answer(c)
	}
	client := p.client(t)
	ctx, cancel := context.WithTimeout(WithCancelOnAbandon(context.Background()), 100*time.Millisecond)
	defer cancel()
	err := client.Call(ctx, "start_long_task", &demov1.StartLongTaskRequest{Seconds: 1}, &demov1.StartLongTaskResponse{})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Error(err)
	}
	close(release)
	client.calls.cancellations.wait(time.Second)
	if len(p.seen("cancel_job")) != 1 {
		t.Error("the job goes on")
	}
}

func TestAHandleAsksAndCancels(t *testing.T) {
	p := jobPeer(t, nil)
	client := p.client(t)
	started, err := client.Start(context.Background(), "start_long_task", &demov1.StartLongTaskRequest{Seconds: 1})
	if err != nil || started.ID() != "job-1" {
		t.Fatal(err)
	}
	if state, err := started.State(context.Background()); err != nil || state.State != running {
		t.Error(state, err)
	}
	if state, err := started.Cancel(context.Background()); err != nil || state.State != cancelled {
		t.Error(state, err)
	}
	if err := started.Result(context.Background(), &demov1.StartLongTaskResponse{}); status.Code(err) != codes.Canceled {
		t.Error(err)
	}
}

func TestWatchJobsResumesWhereItWas(t *testing.T) {
	at := func(seconds int64) *timestamppb.Timestamp { return &timestamppb.Timestamp{Seconds: seconds} }
	p := jobPeer(t, func(c *call, send func(*sealwirev1.Response)) error {
		request := &systemv1.WatchJobsRequest{}
		_ = c.Args.UnmarshalTo(request)
		send(c.ok(&systemv1.WatchJobsResponse{ResumeTime: at(10)}))
		if c.number == 1 {
			send(c.ok(&systemv1.WatchJobsResponse{Jobs: []*sealwirev1.Job{job(running, 2)}, ResumeTime: at(20)}))
			return status.Error(codes.Unavailable, "lost")
		}
		if request.EndedSince.GetSeconds() != 20 {
			t.Errorf("resumed since %v", request.EndedSince)
		}
		send(c.ok(&systemv1.WatchJobsResponse{Jobs: []*sealwirev1.Job{job(running, 2), job(running, 3)}, ResumeTime: at(30)}))
		<-c.ctx.Done()
		return nil
	})
	var revisions []int64
	for changed, err := range p.client(t, fast).WatchJobs(context.Background(), WatchJobsOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if revisions = append(revisions, changed.Revision); changed.Revision == 3 {
			break
		}
	}
	if len(revisions) != 2 {
		t.Error(revisions)
	}
}

func TestAbandonedWatchesLeaveNothingBehind(t *testing.T) {
	p := jobPeer(t, func(c *call, send func(*sealwirev1.Response)) error {
		send(c.job(job(running, 2), nil))
		<-c.ctx.Done()
		return nil
	})
	client := p.client(t)
	if _, err := client.Job("job-1").State(context.Background()); err != nil {
		t.Fatal(err)
	}
	done := leavesNothing(t)
	var watches sync.WaitGroup
	for range 200 {
		watches.Add(1)
		go func() {
			defer watches.Done()
			for _, err := range client.Job("job-1").Watch(context.Background(), 0) {
				if err != nil {
					t.Error(err)
				}
				break
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			stream, err := systemv1.NewSystemToolServiceClient(client).WatchJob(ctx, &systemv1.WatchJobRequest{JobId: "job-1"})
			if err == nil {
				_, err = stream.Recv()
			}
			if err != nil {
				t.Error(err)
			}
		}()
	}
	watches.Wait()
	done()
}

func TestACancelledContextEndsAWatchThatHasMessages(t *testing.T) {
	p := jobPeer(t, func(c *call, send func(*sealwirev1.Response)) error {
		for revision := int64(2); c.ctx.Err() == nil && revision < 1000; revision++ {
			send(c.job(job(running, revision), nil))
		}
		return nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var states int
	for _, err := range p.client(t).Job("job-1").Watch(ctx, 0) {
		if err != nil {
			if status.Code(err) != codes.Canceled {
				t.Error(err)
			}
			break
		}
		states++
		cancel()
	}
	if states != 1 {
		t.Errorf("%d states after the cancellation", states)
	}
}

func TestAWatchOfAllJobsRefusesAStateThatIsNotKnown(t *testing.T) {
	for _, state := range []sealwirev1.JobState{0, 99} {
		p := startPeer(t, sums)
		p.watch = func(c *call, send func(*sealwirev1.Response)) error {
			jobs := []*sealwirev1.Job{{JobId: "job-1", State: state, Revision: 1}}
			send(c.ok(&systemv1.WatchJobsResponse{Jobs: jobs, ResumeTime: timestamppb.Now()}))
			<-c.ctx.Done()
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		for job, err := range p.client(t).WatchJobs(ctx, WatchJobsOptions{}) {
			if ReasonOf(err) != reasonInvalid {
				t.Error(job, err)
			}
			break
		}
		cancel()
	}
}

package sealwire

import (
	"bytes"
	"context"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	rpccode "google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	demov1 "sealwire.dev/sealwire/gen/sealwire/demo/v1"
	systemv1 "sealwire.dev/sealwire/gen/sealwire/system/v1"
	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// testPeer is a server for tests. It signs what its functions answer, and has the tools of the demo: batch_sum, which may be
// repeated, record, which may not, start_long_task and climb, which are jobs.
type testPeer struct {
	sealwirev1.UnimplementedToolServiceServer
	credentials *Credentials
	server      *grpc.Server

	// answer answers a call of any tool but list_tools. An error is sent as it is.
	answer func(*call) (*sealwirev1.Response, error)
	// watch answers a watch with messages, and then the error.
	watch func(*call, func(*sealwirev1.Response)) error
	// list answers list_tools; nil: the tools of the demo.
	list func(*call) *sealwirev1.Response

	mu    sync.Mutex
	calls []*call
}

// call is a request that a peer received. It counts from 1.
type call struct {
	*sealwirev1.Envelope
	number    int
	signature []byte
	metadata  metadata.MD
	ctx       context.Context
	peer      *testPeer
}

func newCredentials(t *testing.T) *Credentials {
	t.Helper()
	return &Credentials{
		Address: "127.0.0.1:1", ServerID: "test-server", ServerFingerprint: "00112233445566778899aabbccddeeff", ClientID: "tester", KeyID: "k_test",
		RequestKey: testKey(t, bytes.Repeat([]byte{1}, 32)), ResponseKey: testKey(t, bytes.Repeat([]byte{2}, 32)),
	}
}

func startPeer(t *testing.T, answer func(*call) (*sealwirev1.Response, error)) *testPeer {
	t.Helper()
	return startPeerAt(t, "127.0.0.1:0", answer)
}

func startPeerAt(t *testing.T, address string, answer func(*call) (*sealwirev1.Response, error)) *testPeer {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	p := &testPeer{credentials: newCredentials(t), answer: answer, server: grpc.NewServer()}
	p.credentials.Address = listener.Addr().String()
	sealwirev1.RegisterToolServiceServer(p.server, p)
	healthv1.RegisterHealthServer(p.server, health.NewServer())
	go func() { _ = p.server.Serve(listener) }()
	t.Cleanup(p.server.Stop)
	return p
}

func (p *testPeer) client(t *testing.T, options ...Option) *Client {
	t.Helper()
	client, err := NewClientFrom(p.credentials, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// seen returns the calls of a tool.
func (p *testPeer) seen(tool string) []*call {
	p.mu.Lock()
	defer p.mu.Unlock()
	var seen []*call
	for _, each := range p.calls {
		if each.Tool == tool {
			seen = append(seen, each)
		}
	}
	return seen
}

func (p *testPeer) receive(ctx context.Context, e *sealwirev1.Envelope, signature []byte) *call {
	sent, _ := metadata.FromIncomingContext(ctx)
	c := &call{Envelope: e, signature: signature, metadata: sent, ctx: ctx, peer: p, number: len(p.seen(e.Tool)) + 1}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, c)
	return c
}

func (p *testPeer) Call(ctx context.Context, request *sealwirev1.CallRequest) (*sealwirev1.CallResponse, error) {
	c := p.receive(ctx, request.Envelope, request.Signature)
	var response *sealwirev1.Response
	var err error
	switch {
	case c.Tool != "list_tools":
		response, err = p.answer(c)
	case p.list != nil:
		response = p.list(c)
	default:
		response = c.tools()
	}
	if err != nil {
		return nil, err
	}
	return p.seal(c, response), nil
}

func (p *testPeer) WatchJob(request *sealwirev1.WatchJobRequest, stream grpc.ServerStreamingServer[sealwirev1.WatchJobResponse]) error {
	c := p.receive(stream.Context(), request.Envelope, request.Signature)
	var sequence int64
	return p.watch(c, func(response *sealwirev1.Response) {
		sequence++
		response.Sequence = sequence
		sealed := p.seal(c, response)
		_ = stream.Send(&sealwirev1.WatchJobResponse{Response: sealed.Response, KeyId: sealed.KeyId, Signature: sealed.Signature})
	})
}

// seal signs a response for a call.
func (p *testPeer) seal(c *call, response *sealwirev1.Response) *sealwirev1.CallResponse {
	content, _ := proto.Marshal(response)
	signature := p.credentials.ResponseKey.MAC(responseLabel, c.signature, content)
	return &sealwirev1.CallResponse{Response: response, KeyId: p.credentials.KeyID, Signature: signature}
}

// respond makes the answer to a call.
func (c *call) respond(state sealwirev1.Status) *sealwirev1.Response {
	return &sealwirev1.Response{
		V: protocolVersion, RequestId: c.RequestId, TsMs: time.Now().UnixMilli(), ServerId: c.ServerId, Status: state,
		Ok: state <= sealwirev1.Status_STATUS_DONE,
	}
}

func (c *call) ok(result proto.Message) *sealwirev1.Response {
	response := c.respond(sealwirev1.Status_STATUS_OK)
	response.Result = packed(result)
	return response
}

func (c *call) accepted(jobID string) *sealwirev1.Response {
	response := c.respond(sealwirev1.Status_STATUS_ACCEPTED)
	response.Job = &sealwirev1.Job{JobId: jobID, State: sealwirev1.JobState_JOB_STATE_QUEUED, Revision: 1}
	return response
}

// job makes a message about a job, with an output if it has succeeded.
func (c *call) job(job *sealwirev1.Job, output proto.Message) *sealwirev1.Response {
	response := c.respond(statusOfJob(job.State))
	response.Error = errorOfJob(job)
	var packedOutput *anypb.Any
	if output != nil {
		packedOutput = packed(output)
	}
	switch c.Tool {
	case "watch_job":
		response.Result = packed(&systemv1.WatchJobResponse{Job: job, Output: packedOutput})
	case "cancel_job":
		response.Result = packed(&systemv1.CancelJobResponse{Job: job, Output: packedOutput})
	default:
		response.Result = packed(&systemv1.PollJobResponse{Job: job, Output: packedOutput})
	}
	return response
}

// refuse makes a signed refusal as a status with its details.
func (c *call) refuse(e *sealwirev1.Error, change ...func(*spb.Status)) error {
	return c.refuseAt(e, 0, change...)
}

// refuseAt makes a refusal at a place of a stream.
func (c *call) refuseAt(e *sealwirev1.Error, sequence int64, change ...func(*spb.Status)) error {
	response := c.respond(sealwirev1.Status_STATUS_ERROR)
	response.Error, response.Sequence = e, sequence
	told := &spb.Status{Code: int32(e.Code), Message: e.Message, Details: []*anypb.Any{
		packed(c.peer.seal(c, response)), packed(&errdetails.ErrorInfo{Reason: reasonName(e.Reason), Domain: errorDomain}),
	}}
	for _, each := range change {
		each(told)
	}
	return status.FromProto(told).Err()
}

func refusal(code codes.Code, reason sealwirev1.ErrorReason) *sealwirev1.Error {
	return &sealwirev1.Error{Code: rpccode.Code(code), Reason: reason, Message: "refused in a test"}
}

func (c *call) tools() *sealwirev1.Response {
	const demo = "sealwire.demo.v1.DemoToolService."
	types := func(description *systemv1.ToolDescription, request, response proto.Message) *systemv1.ToolDescription {
		description.RequestType = string(request.ProtoReflect().Descriptor().FullName())
		description.ResponseType = string(response.ProtoReflect().Descriptor().FullName())
		return description
	}
	sum, total := &demov1.BatchSumRequest{}, &demov1.BatchSumResponse{}
	return c.ok(&systemv1.ListToolsResponse{Tools: []*systemv1.ToolDescription{
		types(&systemv1.ToolDescription{Name: "batch_sum", Method: demo + "BatchSum", Idempotent: true}, sum, total),
		types(&systemv1.ToolDescription{Name: "record", Method: "test.v1.TestService.Record"}, sum, total),
		types(&systemv1.ToolDescription{Name: "start_long_task", Method: demo + "StartLongTask", Job: &sealwirev1.JobPolicy{}},
			&demov1.StartLongTaskRequest{}, &demov1.StartLongTaskResponse{}),
		{
			Name: "climb", Method: "test.v1.TestService.Climb", Job: &sealwirev1.JobPolicy{},
			RequestType: "sealwire.demo.v1.StartLongTaskRequest", ResponseType: "test.v1.ClimbResponse",
		},
	}})
}

// sums answers batch_sum and record.
func sums(c *call) (*sealwirev1.Response, error) {
	request := &demov1.BatchSumRequest{}
	if err := c.Args.UnmarshalTo(request); err != nil {
		return nil, err
	}
	answer := &demov1.BatchSumResponse{Count: int32(len(request.Numbers))}
	for _, number := range request.Numbers {
		answer.Total += number
	}
	return c.ok(answer), nil
}

func packed(message proto.Message) *anypb.Any {
	made, _ := anypb.New(message)
	return made
}

// leavesNothing fails the test if goroutines are left at its end that were not there when it was called.
func leavesNothing(t *testing.T) func() {
	t.Helper()
	before := runtime.NumGoroutine()
	return func() {
		t.Helper()
		var now int
		for range 100 {
			if now = runtime.NumGoroutine(); now <= before {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines before, %d after:\n%s", before, now, stacks[:runtime.Stack(stacks, true)])
	}
}

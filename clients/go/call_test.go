package sealwire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	demov1 "sealwire.dev/sealwire/gen/sealwire/demo/v1"
	systemv1 "sealwire.dev/sealwire/gen/sealwire/system/v1"
	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

var numbers = &demov1.BatchSumRequest{Numbers: []float64{1, 2, 3.5}}

// fast repeats without delays that a test would notice.
var fast = WithRetry(Retry{InitialDelay: time.Millisecond, MaxDelay: 4 * time.Millisecond})

func sum(client grpc.ClientConnInterface, options ...grpc.CallOption) (*demov1.BatchSumResponse, error) {
	return demov1.NewDemoToolServiceClient(client).BatchSum(context.Background(), numbers, options...)
}

// record calls the tool that may not be repeated.
func record(client *Client) error {
	return client.Invoke(context.Background(), "/test.v1.TestService/Record", numbers, &demov1.BatchSumResponse{})
}

func TestAStubIsAnsweredAndLearnsTheRequestID(t *testing.T) {
	client := startPeer(t, sums).client(t)
	var header, trailer metadata.MD
	var from grpcpeer.Peer
	answer, err := sum(client, grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&from))
	if err != nil || answer.Total != 6.5 {
		t.Fatal(answer, err)
	}
	if len(header[requestIDKey]) != 1 || len(trailer[requestIDKey]) != 1 || from.Addr == nil {
		t.Error(header, trailer, from)
	}
}

func TestTheInterceptorsDoTheSame(t *testing.T) {
	p := startPeer(t, sums)
	conn, err := grpc.NewClient(p.credentials.Target(), DialOptions(p.credentials)...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if answer, err := sum(conn); err != nil || answer.Total != 6.5 {
		t.Error(answer, err)
	}
	if _, err := healthv1.NewHealthClient(conn).Check(context.Background(), &healthv1.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
}

func TestOnlyTheTraceContextIsPassedOn(t *testing.T) {
	p := startPeer(t, sums)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	ctx := metadata.AppendToOutgoingContext(WithRequestID(context.Background(), "mine"), traceparentKey, trace, "tracestate", "a=1", "tracestate", "b=2", "authorization", "secret")
	if err := p.client(t).Invoke(ctx, "/test.v1.TestService/Record", numbers, &demov1.BatchSumResponse{}); err != nil {
		t.Fatal(err)
	}
	got := p.seen("record")[0]
	if got.RequestId != "mine" || len(got.metadata["authorization"]) > 0 || got.metadata[traceparentKey][0] != trace {
		t.Error(got.RequestId, got.metadata)
	}
	if states := got.metadata["tracestate"]; len(states) != 1 || states[0] != "a=1,b=2" {
		t.Error(states)
	}
}

func TestAMalformedTraceContextIsLeftOut(t *testing.T) {
	p := startPeer(t, sums)
	ctx := metadata.AppendToOutgoingContext(context.Background(), traceparentKey, "00-\x01", "tracestate", "a=1")
	if err := p.client(t, fast).Invoke(ctx, "/test.v1.TestService/Record", numbers, &demov1.BatchSumResponse{}); err != nil {
		t.Fatal(err)
	}
	if got := p.seen("record")[0].metadata; len(got[traceparentKey]) > 0 || len(got["tracestate"]) > 0 {
		t.Error(got)
	}
}

func TestAWrongRequestIDIsRefusedHere(t *testing.T) {
	p := startPeer(t, sums)
	err := p.client(t).Call(WithRequestID(context.Background(), "two words"), "batch_sum", numbers, &demov1.BatchSumResponse{})
	if status.Code(err) != codes.InvalidArgument || len(p.seen("batch_sum")) > 0 {
		t.Error(err)
	}
}

func TestARetryableRefusalIsRepeatedWithTheSameIntent(t *testing.T) {
	p := startPeer(t, func(c *call) (*sealwirev1.Response, error) {
		if c.number < 3 {
			e := refusal(codes.ResourceExhausted, sealwirev1.ErrorReason_ERROR_REASON_RATE_LIMITED)
			e.Retryable, e.RetryDelay = true, durationpb.New(time.Millisecond)
			return nil, c.refuse(e)
		}
		return sums(c)
	})
	// Told delays are not counted.
	if _, err := sum(p.client(t, WithRetry(Retry{MaxAttempts: 2}))); err != nil {
		t.Fatal(err)
	}
	seen := p.seen("batch_sum")
	if len(seen) != 3 || seen[0].RequestId != seen[2].RequestId || string(seen[0].Nonce) == string(seen[1].Nonce) {
		t.Error(seen)
	}
}

func TestAVerifiedClockSkewCorrectsTheClock(t *testing.T) {
	const ahead = 10 * time.Minute
	p := startPeer(t, func(c *call) (*sealwirev1.Response, error) {
		now := time.Now().Add(ahead)
		if skew := now.Sub(time.UnixMilli(c.TsMs)); skew.Abs() > time.Minute {
			response := c.respond(sealwirev1.Status_STATUS_ERROR)
			response.TsMs = now.UnixMilli()
			response.Error = refusal(codes.FailedPrecondition, sealwirev1.ErrorReason_ERROR_REASON_CLOCK_SKEW)
			return response, nil
		}
		return sums(c)
	})
	client := p.client(t)
	for range 2 {
		if _, err := sum(client); err != nil {
			t.Fatal(err)
		}
	}
	if made := len(p.seen("batch_sum")); made != 3 {
		t.Errorf("%d attempts", made)
	}
}

func TestLostCalls(t *testing.T) {
	p := startPeer(t, func(*call) (*sealwirev1.Response, error) { return nil, status.Error(codes.Internal, "reset") })
	client := p.client(t, fast)
	_, err := sum(client)
	var unverified *UnverifiedError
	if !errors.As(err, &unverified) || len(p.seen("batch_sum")) != 5 {
		t.Errorf("after %d attempts: %v", len(p.seen("batch_sum")), err)
	}
	if err := record(client); status.Code(err) != codes.DataLoss {
		t.Error(err)
	}
	p.answer = func(*call) (*sealwirev1.Response, error) { return nil, status.Error(codes.Unavailable, "lost") }
	if _, err := sum(client); status.Code(err) != codes.Unavailable || ReasonOf(err) != "UNREACHABLE" {
		t.Error(err)
	}
	err = record(client)
	if status.Code(err) != codes.Unknown || ErrorOf(err).GetReason() != sealwirev1.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN {
		t.Error(err)
	}
	if !strings.Contains(err.Error(), p.seen("record")[5].RequestId) {
		t.Errorf("the request id is missing: %v", err)
	}
}

func TestACallThatReachesNoServerHasNotBegun(t *testing.T) {
	p := startPeer(t, sums)
	client := p.client(t, WithRetry(Retry{UnreachableFor: 300 * time.Millisecond}))
	if err := record(client); err != nil {
		t.Fatal(err)
	}
	p.server.Stop()
	// A call on a connection that is about to be lost may have begun.
	for state := client.conn.GetState(); state != connectivity.TransientFailure; state = client.conn.GetState() {
		client.conn.Connect()
		client.conn.WaitForStateChange(context.Background(), state)
	}
	if err := record(client); status.Code(err) != codes.Unavailable {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	err := p.client(t).Call(ctx, "record", numbers, &demov1.BatchSumResponse{})
	if code := status.Code(err); code != codes.DeadlineExceeded && code != codes.Unavailable {
		t.Error(err)
	}
}

func TestAServerThatNeverSpeaksIsUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	credentials := newCredentials(t)
	credentials.Address = listener.Addr().String()
	client, err := NewClientFrom(credentials, WithTimeout(300*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	// The caller sets no deadline, and the contract is not known either.
	if err := record(client); status.Code(err) != codes.Unavailable || ReasonOf(err) != reasonUnreachable {
		t.Error(err)
	}
}

func TestACallWhoseTimeIsUpBeforehandHasNotBegun(t *testing.T) {
	client := startPeer(t, sums).client(t)
	if err := record(client); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	err := client.Invoke(ctx, "/test.v1.TestService/Record", numbers, &demov1.BatchSumResponse{})
	if status.Code(err) != codes.DeadlineExceeded || !strings.Contains(err.Error(), "has not begun") {
		t.Error(err)
	}
}

func TestNoToldDelayIsNegative(t *testing.T) {
	e := refusal(codes.ResourceExhausted, sealwirev1.ErrorReason_ERROR_REASON_RATE_LIMITED)
	e.Retryable, e.RetryDelay = true, durationpb.New(-time.Hour)
	tries := &retries{Retry: Retry{MaxAttempts: 5, InitialDelay: time.Second, MaxDelay: time.Second}}
	var waited time.Duration
	for range 100 {
		delay, again := tries.delayAfter(refused(&sealwirev1.Response{Error: e}), situation{remaining: forever})
		if waited += delay; !again || delay < 0 {
			t.Fatal(delay, again)
		}
	}
	if waited < 10*time.Second {
		t.Errorf("100 attempts in %v", waited)
	}
}

func TestWhatDoesNotVerifyIsDataLossAndNotRepeated(t *testing.T) {
	invalid := refusal(codes.InvalidArgument, sealwirev1.ErrorReason_ERROR_REASON_ARGS_INVALID)
	lies := map[string]func(*call) (*sealwirev1.Response, error){
		"another tool's result": func(c *call) (*sealwirev1.Response, error) {
			return c.ok(&systemv1.ServerIdentityResponse{}), nil
		},
		"another request": func(c *call) (*sealwirev1.Response, error) {
			c.RequestId = "another"
			return sums(c)
		},
		"another server": func(c *call) (*sealwirev1.Response, error) {
			c.ServerId = "another"
			return sums(c)
		},
		"signed for another request": func(c *call) (*sealwirev1.Response, error) {
			c.signature = make([]byte, 32)
			return sums(c)
		},
		"no frame": func(*call) (*sealwirev1.Response, error) { return nil, status.Error(codes.PermissionDenied, "no") },
		"another reason": func(c *call) (*sealwirev1.Response, error) {
			return nil, c.refuse(invalid, func(told *spb.Status) { told.Details[1].Value[2]++ })
		},
		"another code": func(c *call) (*sealwirev1.Response, error) {
			return nil, c.refuse(invalid, func(told *spb.Status) { told.Code = int32(codes.Unavailable) })
		},
		"a flipped bit": func(c *call) (*sealwirev1.Response, error) {
			return nil, c.refuse(invalid, func(told *spb.Status) { told.Details[0].Value[20] ^= 1 })
		},
		"ok and refused at once": func(c *call) (*sealwirev1.Response, error) {
			response, _ := sums(c)
			response.Ok = false
			return response, nil
		},
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			p := startPeer(t, lie)
			client := p.client(t)
			_, err := sum(client)
			var unverified *UnverifiedError
			if status.Code(err) != codes.DataLoss || !errors.As(fmt.Errorf("wrapped: %w", err), &unverified) {
				t.Fatal(err)
			}
			if ErrorOf(err) != nil || ReasonOf(err) != "RESPONSE_UNVERIFIED" || unverified.Tool != "batch_sum" {
				t.Error(ErrorOf(err), ReasonOf(err), unverified)
			}
			if err := record(client); status.Code(err) != codes.DataLoss {
				t.Error(err)
			}
			if made := len(p.seen("batch_sum")); made != 1 {
				t.Errorf("%d attempts", made)
			}
		})
	}
}

func TestARefusalHasTheServersError(t *testing.T) {
	p := startPeer(t, func(c *call) (*sealwirev1.Response, error) {
		e := refusal(codes.InvalidArgument, sealwirev1.ErrorReason_ERROR_REASON_ARGS_INVALID)
		e.Violations = []*sealwirev1.FieldViolation{{Field: "numbers[1]", RuleId: "double.finite"}}
		return nil, c.refuse(e)
	})
	_, err := sum(p.client(t))
	e := ErrorOf(err)
	if status.Code(err) != codes.InvalidArgument || ReasonOf(err) != "ARGS_INVALID" || e.GetViolations()[0].RuleId != "double.finite" {
		t.Error(err, e)
	}
}

func TestATooLargeRequestIsNotSent(t *testing.T) {
	p := startPeer(t, sums)
	client := p.client(t)
	err := client.Call(context.Background(), "batch_sum", &demov1.BatchSumRequest{Numbers: make([]float64, 140_000)}, &demov1.BatchSumResponse{})
	if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "1 MiB") || len(p.seen("batch_sum")) > 0 {
		t.Error(err)
	}
}

func TestAMethodThatIsNoToolNamesTheTools(t *testing.T) {
	client := startPeer(t, sums).client(t)
	err := client.Invoke(context.Background(), "/test.v1.TestService/None", numbers, &demov1.BatchSumResponse{})
	if status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "DemoToolService/BatchSum") {
		t.Error(err)
	}
	desc := &grpc.StreamDesc{ClientStreams: true}
	if _, err := client.NewStream(context.Background(), desc, "/test.v1.TestService/Record"); status.Code(err) != codes.Unimplemented {
		t.Error(err)
	}
}

func TestAStubOfAnotherContractIsRefusedHere(t *testing.T) {
	client := startPeer(t, sums).client(t)
	err := client.Invoke(context.Background(), "/test.v1.TestService/Record", &demov1.StartLongTaskRequest{}, &demov1.BatchSumResponse{})
	if status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
}

func TestAValidatorSeesTheArguments(t *testing.T) {
	p := startPeer(t, sums)
	client := p.client(t, WithValidator(ValidatorFunc(func(proto.Message) error { return errors.New("odd") })))
	_, err := sum(client)
	if status.Code(err) != codes.InvalidArgument || ReasonOf(err) != "ARGS_INVALID" || len(p.seen("batch_sum")) > 0 {
		t.Error(err)
	}
}

func TestATimeLimitEndsACallPromptly(t *testing.T) {
	p := startPeer(t, func(c *call) (*sealwirev1.Response, error) {
		<-c.ctx.Done()
		return nil, c.ctx.Err()
	})
	client := p.client(t)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	for _, name := range []string{"batch_sum", "record"} {
		if err := client.Call(ctx, name, numbers, &demov1.BatchSumResponse{}); status.Code(err) != codes.DeadlineExceeded {
			t.Error(name, err)
		}
	}
	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	if err := client.Call(ctx, "record", numbers, &demov1.BatchSumResponse{}); status.Code(err) != codes.Canceled {
		t.Error(err)
	}
	// The client's own time-out: the outcome of a call with an effect is open.
	short := p.client(t, WithTimeout(100*time.Millisecond))
	if err := record(short); status.Code(err) != codes.Unknown {
		t.Error(err)
	}
}

func TestCallsLeaveNothingBehind(t *testing.T) {
	p := startPeer(t, sums)
	done := leavesNothing(t)
	client := p.client(t)
	for range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Duration(len(p.seen("batch_sum")))*time.Microsecond, cancel)
		_, _ = demov1.NewDemoToolServiceClient(client).BatchSum(ctx, numbers)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	if _, err := sum(client); status.Code(err) != codes.Canceled {
		t.Errorf("a closed client says %v", err)
	}
	p.server.Stop()
	done()
}

func TestTheContractIsFetchedOnceForManyCallers(t *testing.T) {
	p := startPeer(t, sums)
	client := p.client(t)
	var failed atomic.Int64
	finished := make(chan struct{})
	for range 50 {
		go func() {
			if _, err := sum(client); err != nil {
				failed.Add(1)
			}
			finished <- struct{}{}
		}()
	}
	for range 50 {
		<-finished
	}
	if fetched := len(p.seen("list_tools")); failed.Load() > 0 || fetched != 1 {
		t.Errorf("%d failed, fetched %d times", failed.Load(), fetched)
	}
}

func TestOfTwoServersOneMayGo(t *testing.T) {
	first := startPeer(t, sums)
	second := startPeer(t, sums)
	client := first.client(t, WithAddress(first.credentials.Address+" , "+second.credentials.Address))
	for range 4 {
		if _, err := sum(client); err != nil {
			t.Fatal(err)
		}
	}
	first.server.Stop()
	for range 10 {
		if _, err := sum(client); err != nil {
			t.Fatal(err)
		}
	}
	if len(second.seen("batch_sum")) < 10 {
		t.Error("the calls went elsewhere")
	}
}

// renewedOnce has other credentials once.
type renewedOnce struct {
	used   atomic.Pointer[Credentials]
	others *Credentials
}

func (r *renewedOnce) Current() *Credentials { return r.used.Load() }

func (r *renewedOnce) Renew(used *Credentials) bool {
	return r.used.CompareAndSwap(used, r.others) && used != r.others
}

// Anyone on the way can say UNAUTHENTICATED after the server has carried the call out.
func TestACallThatWasRefusedUnsignedMayHaveBegun(t *testing.T) {
	p := startPeer(t, func(c *call) (*sealwirev1.Response, error) {
		if c.number == 1 {
			return nil, status.Error(codes.Unauthenticated, "who are you")
		}
		return nil, c.refuse(refusal(codes.ResourceExhausted, sealwirev1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED))
	})
	others := *p.credentials
	source := &renewedOnce{others: &others}
	source.used.Store(p.credentials)
	client, err := NewClientFrom(source)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := record(client); ReasonOf(err) != "OUTCOME_UNKNOWN" || len(p.seen("record")) != 2 {
		t.Error(err)
	}
}

func TestADetailOfAToolIsNotTakenForTheServersError(t *testing.T) {
	p := startPeer(t, func(c *call) (*sealwirev1.Response, error) {
		response := c.respond(sealwirev1.Status_STATUS_ERROR)
		response.Error = refusal(codes.NotFound, sealwirev1.ErrorReason_ERROR_REASON_TOOL_FAILED)
		response.Error.Details = []*anypb.Any{
			packed(refusal(codes.Unavailable, sealwirev1.ErrorReason_ERROR_REASON_DRAINING)), packed(numbers),
			packed(&errdetails.ErrorInfo{Reason: "DRAINING", Domain: errorDomain}),
		}
		return response, nil
	})
	err := record(p.client(t))
	if ErrorOf(err).GetReason() != sealwirev1.ErrorReason_ERROR_REASON_TOOL_FAILED || ReasonOf(err) != "TOOL_FAILED" {
		t.Error(err, ErrorOf(err))
	}
	if details := status.Convert(err).Details(); len(details) != 4 {
		t.Error(details)
	}
}

func TestACertificateThatIsNotTrustedIsNotWaitedFor(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	credentials := newCredentials(t)
	credentials.Address = server.Listener.Addr().String()
	client, err := NewClientFrom(credentials, fast, WithTLS(&tls.Config{}), WithTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	began := time.Now()
	err = record(client)
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "certificate") || time.Since(began) > 5*time.Second {
		t.Error(time.Since(began), err)
	}
}

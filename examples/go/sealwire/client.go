package sealwire

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"example.com/sealwire-client/gen/frame"
	pb "example.com/sealwire-client/gen/sealwire/v1"
)

// The two RPCs.
const (
	CallMethod     = "/sealwire.v1.ToolService/Call"
	WatchJobMethod = "/sealwire.v1.ToolService/WatchJob"
)

const (
	callTimeout = 60 * time.Second
	attempts    = 5
)

// Failure says that a call was refused, or that its tool failed. The server signed it.
type Failure struct {
	Details *pb.Error
	// Refused is false if the tool ran.
	Refused bool
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%s: %s", f.Details.GetReason(), f.Details.GetMessage())
}

// Client calls the tools of the server that its credentials name. Whatever it returns has been verified.
type Client struct {
	Credentials *Credentials
	Conn        *grpc.ClientConn
}

// NewClient makes a client; close its Conn in the end. Options say, among others, whether to speak TLS.
func NewClient(credentials *Credentials, options ...grpc.DialOption) (*Client, error) {
	conn, err := grpc.NewClient(credentials.Address, append(options, grpc.WithDisableRetry())...)
	if err != nil {
		return nil, err
	}
	return &Client{Credentials: credentials, Conn: conn}, nil
}

// Call calls a tool and puts its response message into result; a job tool has none, but a job in the Response. It tries
// again where that is safe, each time signed anew. The error is a *Failure, ErrUnverified or a gRPC status.
func (c *Client) Call(ctx context.Context, tool string, args, result proto.Message) (*pb.Response, error) {
	requestID := rand.Text()
	for attempt := 1; ; attempt++ {
		response, err := c.callOnce(ctx, tool, args, result, requestID)
		delay, again := retryDelay(err, attempt)
		if err == nil || !again || attempt == attempts {
			return response, err
		}
		if err := Sleep(ctx, delay); err != nil {
			return nil, err
		}
	}
}

func (c *Client) callOnce(ctx context.Context, tool string, args, result proto.Message, requestID string) (*pb.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request, expected, err := c.Request(CallMethod, tool, args, result, requestID)
	if err != nil {
		return nil, err
	}
	reply := &frame.Frame{}
	if err := c.Conn.Invoke(ctx, CallMethod, request, reply); err != nil {
		return nil, c.refusal(err, expected, 0)
	}
	response, err := c.Credentials.Verify(expected, reply, 0)
	if err != nil {
		return nil, err
	}
	if response.Result == nil {
		if !response.Ok {
			return nil, &Failure{Details: response.Error}
		}
		return response, nil
	}
	return response, proto.Unmarshal(response.Result.Value, result)
}

// Request signs a new attempt and says what its answer must fit.
func (c *Client) Request(method, tool string, args, result proto.Message, requestID string) (*frame.Frame, *Expected, error) {
	packed, err := anypb.New(args)
	if err != nil {
		return nil, nil, err
	}
	nonce := make([]byte, 16)
	rand.Read(nonce)
	envelope, err := proto.Marshal(&pb.Envelope{
		V:         "mcp/0.1",
		RequestId: requestID,
		TsMs:      time.Now().UnixMilli(),
		ClientId:  c.Credentials.ClientID,
		ServerId:  c.Credentials.ServerID,
		Tool:      tool,
		Args:      packed,
		Nonce:     nonce,
	})
	if err != nil {
		return nil, nil, err
	}
	request := c.Credentials.Sign(method, envelope)
	return request, &Expected{requestID, request.Signature, result.ProtoReflect().Descriptor().FullName()}, nil
}

// refusal turns a gRPC error into a *Failure if the server signed it.
func (c *Client) refusal(err error, expected *Expected, sequence int64) error {
	response, unverified := c.Credentials.VerifyRefusal(expected, status.Convert(err), sequence)
	if unverified != nil {
		return unverified
	}
	if response == nil {
		return err
	}
	return &Failure{Details: response.Error, Refused: true}
}

// retryDelay says whether a failed attempt may be repeated under the same request id, and after which wait.
func retryDelay(err error, attempt int) (time.Duration, bool) {
	var failure *Failure
	if !errors.As(err, &failure) {
		return Backoff(attempt), passing(err)
	}
	deliveredTwice := failure.Details.GetReason() == pb.ErrorReason_ERROR_REASON_REPLAYED
	again := failure.Refused && (failure.Details.GetRetryable() || deliveredTwice)
	if delay := failure.Details.GetRetryDelay().AsDuration(); delay > 0 {
		return delay, again
	}
	return Backoff(attempt), again
}

// passing tells that an unsigned failure leaves the outcome unknown and may pass.
func passing(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.Internal, codes.Canceled, codes.ResourceExhausted, codes.DeadlineExceeded:
		return true
	default:
		return false
	}
}

// Backoff is the wait after a failed attempt: exponential, with full jitter.
func Backoff(attempt int) time.Duration {
	return mathrand.N(min(200*time.Millisecond<<min(attempt, 10), 5*time.Second))
}

// Sleep waits, or returns the context's error if that ends first.
func Sleep(ctx context.Context, delay time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(delay):
		return nil
	}
}

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

// The gRPC paths of the methods.
const (
	CallMethod     = "/sealwire.v1.ToolService/Call"
	WatchJobMethod = "/sealwire.v1.ToolService/WatchJob"
)

const (
	callTimeout = 60 * time.Second
	attempts    = 5
)

// Failure is the signed error of a refused call or a failed tool.
type Failure struct {
	Details *pb.Error
	// Refused is true if the call was refused, and false if the tool ran and failed.
	Refused bool
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%s: %s", f.Details.GetReason(), f.Details.GetMessage())
}

// Client calls the tools of the server in its credentials. It returns verified responses only.
type Client struct {
	Credentials *Credentials
	Conn        *grpc.ClientConn
}

// NewClient makes a client. The caller must close its Conn. The options include the transport credentials.
func NewClient(credentials *Credentials, options ...grpc.DialOption) (*Client, error) {
	conn, err := grpc.NewClient(credentials.Address, append(options, grpc.WithDisableRetry())...)
	if err != nil {
		return nil, err
	}
	return &Client{Credentials: credentials, Conn: conn}, nil
}

// Call calls a tool and stores its response message in result. For a job tool the Response contains the job instead. It
// retries where that is safe and signs each attempt anew. The error is a *Failure, ErrUnverified or a gRPC status.
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

// Request signs a new attempt. It returns the frame and the expected values of the answer.
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

// refusal converts a gRPC error to a *Failure if the server signed it.
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

// retryDelay returns the delay before the next attempt, and whether a retry with the same request id may succeed.
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

// passing reports whether an unsigned error may be temporary. The outcome of the call is then unknown.
func passing(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.Internal, codes.Canceled, codes.ResourceExhausted, codes.DeadlineExceeded:
		return true
	default:
		return false
	}
}

// Backoff returns the delay after a failed attempt: exponential, with full jitter.
func Backoff(attempt int) time.Duration {
	return mathrand.N(min(200*time.Millisecond<<min(attempt, 10), 5*time.Second))
}

// Sleep waits for the delay. It returns the context's error if the context ends first.
func Sleep(ctx context.Context, delay time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(delay):
		return nil
	}
}

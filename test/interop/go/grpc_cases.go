package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"example.com/sealwire-client/gen/frame"
	interoppb "example.com/sealwire-client/gen/interop/v1"
	demopb "example.com/sealwire-client/gen/sealwire/demo/v1"
	systempb "example.com/sealwire-client/gen/sealwire/system/v1"
	"example.com/sealwire-client/sealwire"
)

const (
	statusText  = "\t\nwhite space\r\nand ☺ of the BMP and 😈 beyond, 100 % of %25\t\n"
	traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	caseTimeout = time.Minute
)

// The interop cases of the gRPC project that fit Sealwire.
var cases = []struct {
	name string
	run  func(context.Context, *sealwire.Client) error
}{
	{"large_unary", largeUnary},
	{"too_large_unary", tooLargeUnary},
	{"empty_unary", emptyUnary},
	{"cancel_after_begin", cancelAfterBegin},
	{"cancel_after_first_response", cancelAfterFirstResponse},
	{"timeout_on_sleeping_server", timeoutOnSleepingServer},
	{"special_status_message", specialStatusMessage},
	{"unimplemented_method", unimplemented("/sealwire.v1.ToolService/NoSuchCall")},
	{"unimplemented_service", unimplemented("/sealwire.v1.NoSuchService/Call")},
	{"custom_metadata", customMetadata},
}

func runCases(ctx context.Context, client *sealwire.Client) error {
	for _, each := range cases {
		limited, cancel := context.WithTimeout(ctx, caseTimeout)
		err := each.run(limited, client)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", each.name, err)
		}
		fmt.Println(each.name)
	}
	return nil
}

func largeUnary(ctx context.Context, client *sealwire.Client) error {
	for _, size := range []int{271_828, 1_000_000} {
		data := make([]byte, size)
		rand.Read(data)
		answer := &interoppb.EchoResponse{}
		if _, err := client.Call(ctx, "echo", &interoppb.EchoRequest{Data: data}, answer); err != nil {
			return err
		}
		if !bytes.Equal(answer.Data, data) {
			return errors.New("other data came back")
		}
	}
	return nil
}

func tooLargeUnary(ctx context.Context, client *sealwire.Client) error {
	_, err := once(ctx, client, "echo", &interoppb.EchoRequest{Data: make([]byte, 1<<20)}, &interoppb.EchoResponse{})
	return wantCode(err, codes.ResourceExhausted)
}

func emptyUnary(ctx context.Context, client *sealwire.Client) error {
	response, err := client.Call(ctx, "echo", &interoppb.EchoRequest{}, &interoppb.EchoResponse{})
	if err != nil {
		return err
	}
	if !response.Ok || response.Result == nil || len(response.Result.Value) != 0 {
		return fmt.Errorf("not an empty result: %v", response)
	}
	return nil
}

func cancelAfterBegin(ctx context.Context, client *sealwire.Client) error {
	cancellable, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, _, err := open(cancellable, client, sealwire.CallMethod, "sleep", &interoppb.SleepRequest{}, &interoppb.SleepResponse{})
	if err != nil {
		return err
	}
	// On the same connection, so the server has begun the first call once it answers the second.
	if _, err := client.Call(ctx, "echo", &interoppb.EchoRequest{}, &interoppb.EchoResponse{}); err != nil {
		return err
	}
	cancel()
	return wantCode(stream.RecvMsg(&frame.Frame{}), codes.Canceled)
}

func cancelAfterFirstResponse(ctx context.Context, client *sealwire.Client) error {
	response, err := client.Call(ctx, "start_long_task", &demopb.StartLongTaskRequest{Seconds: 20}, &demopb.StartLongTaskResponse{})
	if err != nil {
		return err
	}
	jobID := response.Job.JobId
	cancellable, cancel := context.WithCancel(ctx)
	defer cancel()
	args, result := &systempb.WatchJobRequest{JobId: jobID}, &systempb.WatchJobResponse{}
	stream, expected, err := open(cancellable, client, sealwire.WatchJobMethod, "watch_job", args, result)
	if err != nil {
		return err
	}
	first := &frame.Frame{}
	if err := stream.RecvMsg(first); err != nil {
		return err
	}
	if _, err := client.Credentials.Verify(expected, first, 1); err != nil {
		return err
	}
	cancel()
	for err = nil; err == nil; err = stream.RecvMsg(first) {
	}
	if err := wantCode(err, codes.Canceled); err != nil {
		return err
	}
	_, err = client.Call(ctx, "cancel_job", &systempb.CancelJobRequest{JobId: jobID}, &systempb.CancelJobResponse{})
	return err
}

func timeoutOnSleepingServer(ctx context.Context, client *sealwire.Client) error {
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err := once(short, client, "sleep", &interoppb.SleepRequest{}, &interoppb.SleepResponse{})
	return wantCode(err, codes.DeadlineExceeded)
}

func specialStatusMessage(ctx context.Context, client *sealwire.Client) error {
	_, err := once(ctx, client, "refuse", &interoppb.RefuseRequest{Text: statusText}, &interoppb.RefuseResponse{})
	if message := status.Convert(err).Message(); !strings.Contains(message, ": text: "+statusText) {
		return fmt.Errorf("other text came back: %q", message)
	}
	return wantCode(err, codes.InvalidArgument)
}

func unimplemented(method string) func(context.Context, *sealwire.Client) error {
	return func(ctx context.Context, client *sealwire.Client) error {
		return wantCode(client.Conn.Invoke(ctx, method, &frame.Frame{}, &frame.Frame{}), codes.Unimplemented)
	}
}

func customMetadata(ctx context.Context, client *sealwire.Client) error {
	ctx = metadata.AppendToOutgoingContext(ctx, "x-initial", "a value", "x-binary-bin", "\xab\x00\xff", "traceparent", traceparent)
	answer := &interoppb.TraceResponse{}
	if _, err := client.Call(ctx, "trace", &interoppb.TraceRequest{}, answer); err != nil {
		return err
	}
	if answer.Traceparent != traceparent {
		return fmt.Errorf("traceparent %q came back", answer.Traceparent)
	}
	return nil
}

// once makes one attempt and returns its gRPC error as it came.
func once(ctx context.Context, client *sealwire.Client, tool string, args, result proto.Message) (*frame.Frame, error) {
	stream, _, err := open(ctx, client, sealwire.CallMethod, tool, args, result)
	if err != nil {
		return nil, err
	}
	reply := &frame.Frame{}
	return reply, stream.RecvMsg(reply)
}

// open sends one signed request and leaves the answer to be received.
func open(ctx context.Context, client *sealwire.Client, method, tool string, args, result proto.Message) (grpc.ClientStream, *sealwire.Expected, error) {
	request, expected, err := client.Request(method, tool, args, result, rand.Text())
	if err != nil {
		return nil, nil, err
	}
	stream, err := client.Conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method)
	if err != nil {
		return nil, nil, err
	}
	// io.EOF says that the call has ended already; receiving tells why.
	if err := stream.SendMsg(request); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	return stream, expected, stream.CloseSend()
}

func wantCode(err error, code codes.Code) error {
	if status.Code(err) != code {
		return fmt.Errorf("not %s but %w", code, err)
	}
	return nil
}

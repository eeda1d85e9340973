package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"sync"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

var errStopping = status.Error(codes.Unavailable, "the server is stopping")

// Calls surrounds each call of a service: it checks the assertion, logs, and ends open calls when the server stops.
type Calls struct {
	verifier *Verifier
	stopping context.Context
	stop     context.CancelFunc
	mu       sync.Mutex
	log      *json.Encoder
}

type end struct {
	Method  string `json:"method"`
	Request string `json:"request,omitempty"`
	Job     string `json:"job,omitempty"`
	Attempt *int   `json:"attempt,omitempty"`
	Ended   string `json:"ended"`
}

// NewCalls returns Calls that check assertions, unless the verifier is nil, and that log to standard output.
func NewCalls(verifier *Verifier) *Calls {
	stopping, stop := context.WithCancel(context.Background())
	return &Calls{verifier: verifier, stopping: stopping, stop: stop, log: json.NewEncoder(os.Stdout)}
}

// Stop ends the open calls, and those that still come, with UNAVAILABLE.
func (c *Calls) Stop() { c.stop() }

// Around returns the description of a service with each of its methods surrounded. An assertion covers the request as it was
// received, so the handlers receive bytes, through rawCodec, and parse them. An interceptor would only see the parsed request.
func (c *Calls) Around(service grpc.ServiceDesc) *grpc.ServiceDesc {
	methods := make([]grpc.MethodDesc, 0, len(service.Methods))
	for _, method := range service.Methods {
		handle := method.Handler
		method.Handler = func(server any, ctx context.Context, decode func(any) error, next grpc.UnaryServerInterceptor) (response any, err error) {
			err = c.around(ctx, method.MethodName, decode, func(ctx context.Context, parse func(any) error) (err error) {
				response, err = handle(server, ctx, parse, next)
				return err
			})
			return response, err
		}
		methods = append(methods, method)
	}
	streams := make([]grpc.StreamDesc, 0, len(service.Streams))
	for _, stream := range service.Streams {
		handle := stream.Handler
		stream.Handler = func(server any, open grpc.ServerStream) error {
			return c.around(open.Context(), stream.StreamName, open.RecvMsg, func(ctx context.Context, parse func(any) error) error {
				return handle(server, &parsedStream{open, ctx, parse})
			})
		}
		streams = append(streams, stream)
	}
	service.Methods, service.Streams = methods, streams
	return &service
}

func (c *Calls) around(ctx context.Context, method string, receive func(any) error, run func(context.Context, func(any) error) error) (err error) {
	var request rawMessage
	if err := receive(&request); err != nil {
		return err
	}
	call := CallOf(ctx, method)
	if c.verifier != nil {
		if err := c.verifier.Check(call, request); err != nil {
			return status.Errorf(codes.Unauthenticated, "sealwire-assertion: %v", err)
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.stopping, func() { cancel(errStopping) })()
	c.print(call)
	defer func() {
		if errors.Is(context.Cause(ctx), errStopping) && err != nil {
			err = errStopping
		}
		c.print(end{call.Method, call.Request, call.Job, call.Attempt, code.Code_name[int32(status.Code(err))]})
	}()
	return run(ctx, func(message any) error {
		if err := proto.Unmarshal(request, message.(proto.Message)); err != nil {
			return status.Errorf(codes.InvalidArgument, "the request is malformed: %v", err)
		}
		return nil
	})
}

func (c *Calls) print(line any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Nothing is lost but the log if standard output is closed.
	_ = c.log.Encode(line)
}

// parsedStream is a stream whose one request was received before.
type parsedStream struct {
	grpc.ServerStream
	ctx   context.Context
	parse func(any) error
}

func (s *parsedStream) Context() context.Context  { return s.ctx }
func (s *parsedStream) RecvMsg(message any) error { return s.parse(message) }

// rawMessage is a serialized message.
type rawMessage []byte

// rawCodec is gRPC's codec for protobuf, but it leaves the bytes of a rawMessage as they are.
type rawCodec struct{ encoding.CodecV2 }

func newRawCodec() rawCodec { return rawCodec{encoding.GetCodecV2("proto")} }

func (c rawCodec) Unmarshal(data mem.BufferSlice, message any) error {
	if raw, ok := message.(*rawMessage); ok {
		*raw = data.Materialize()
		return nil
	}
	return c.CodecV2.Unmarshal(data, message)
}

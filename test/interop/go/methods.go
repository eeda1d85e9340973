package main

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	interopv1 "sealwire.dev/agent/gen/interop/v1"
	demov1 "sealwire.dev/sealwire/gen/sealwire/demo/v1"
	systemv1 "sealwire.dev/sealwire/gen/sealwire/system/v1"
)

// stubCall is one call of a stub. see is called with each message of a stream, began with its initial metadata.
type stubCall struct {
	conn     grpc.ClientConnInterface
	request  []byte
	options  []grpc.CallOption
	header   *metadata.MD
	trailer  *metadata.MD
	see      func(proto.Message)
	began    func(metadata.MD)
	response proto.Message
}

// method calls one method of a generated stub.
type method func(ctx context.Context, c *stubCall) error

var methods = map[string]method{
	"sealwire.demo.v1.DemoToolService/BatchSum":           unary(demov1.NewDemoToolServiceClient, demov1.DemoToolServiceClient.BatchSum),
	"sealwire.demo.v1.DemoToolService/StartLongTask":      unary(demov1.NewDemoToolServiceClient, demov1.DemoToolServiceClient.StartLongTask),
	"sealwire.system.v1.SystemToolService/ServerIdentity": unary(systemv1.NewSystemToolServiceClient, systemv1.SystemToolServiceClient.ServerIdentity),
	"sealwire.system.v1.SystemToolService/ListTools":      unary(systemv1.NewSystemToolServiceClient, systemv1.SystemToolServiceClient.ListTools),
	"sealwire.system.v1.SystemToolService/PollJob":        unary(systemv1.NewSystemToolServiceClient, systemv1.SystemToolServiceClient.PollJob),
	"sealwire.system.v1.SystemToolService/ListJobs":       unary(systemv1.NewSystemToolServiceClient, systemv1.SystemToolServiceClient.ListJobs),
	"sealwire.system.v1.SystemToolService/CancelJob":      unary(systemv1.NewSystemToolServiceClient, systemv1.SystemToolServiceClient.CancelJob),
	"sealwire.system.v1.SystemToolService/WatchJob":       stream(systemv1.NewSystemToolServiceClient, systemv1.SystemToolServiceClient.WatchJob),
	"sealwire.system.v1.SystemToolService/WatchJobs":      stream(systemv1.NewSystemToolServiceClient, systemv1.SystemToolServiceClient.WatchJobs),
	"interop.v1.InteropToolService/Echo":                  unary(interopv1.NewInteropToolServiceClient, interopv1.InteropToolServiceClient.Echo),
	"interop.v1.InteropToolService/Sleep":                 unary(interopv1.NewInteropToolServiceClient, interopv1.InteropToolServiceClient.Sleep),
	"interop.v1.InteropToolService/Refuse":                unary(interopv1.NewInteropToolServiceClient, interopv1.InteropToolServiceClient.Refuse),
	"interop.v1.InteropToolService/Trace":                 unary(interopv1.NewInteropToolServiceClient, interopv1.InteropToolServiceClient.Trace),
	"interop.v1.InteropToolService/Record":                unary(interopv1.NewInteropToolServiceClient, interopv1.InteropToolServiceClient.Record),
	"interop.v1.InteropToolService/Climb":                 stream(interopv1.NewInteropToolServiceClient, interopv1.InteropToolServiceClient.Climb),
	"interop.v1.AbsentToolService/Vanish":                 unary(interopv1.NewAbsentToolServiceClient, interopv1.AbsentToolServiceClient.Vanish),
	"grpc.health.v1.Health/Check":                         unary(grpc_health_v1.NewHealthClient, grpc_health_v1.HealthClient.Check),
}

// message is a pointer to a generated message.
type message[T any] interface {
	*T
	proto.Message
}

func unary[C, Q, S any, PQ message[Q], PS message[S]](
	stub func(grpc.ClientConnInterface) C, call func(C, context.Context, PQ, ...grpc.CallOption) (PS, error),
) method {
	return func(ctx context.Context, c *stubCall) error {
		request := PQ(new(Q))
		if err := protojson.Unmarshal(c.request, request); err != nil {
			return err
		}
		options := append(c.options, grpc.Header(c.header), grpc.Trailer(c.trailer))
		response, err := call(stub(c.conn), ctx, request, options...)
		if err == nil {
			c.response = response
		}
		return err
	}
}

func stream[C, Q, S any, PQ message[Q], PS message[S]](
	stub func(grpc.ClientConnInterface) C, call func(C, context.Context, PQ, ...grpc.CallOption) (grpc.ServerStreamingClient[S], error),
) method {
	return func(ctx context.Context, c *stubCall) error {
		request := PQ(new(Q))
		if err := protojson.Unmarshal(c.request, request); err != nil {
			return err
		}
		opened, err := call(stub(c.conn), ctx, request, c.options...)
		if err != nil {
			return err
		}
		if *c.header, err = opened.Header(); err == nil {
			c.began(*c.header)
		}
		for {
			next, err := opened.Recv()
			if err != nil {
				*c.trailer = opened.Trailer()
				if errors.Is(err, io.EOF) {
					return nil
				}
				return err
			}
			c.see(PS(next))
		}
	}
}

package sealwire

import (
	"context"

	"google.golang.org/grpc"
)

func (c *caller) interceptUnary(ctx context.Context, method string, args, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if passesThrough(method) {
		return invoke(ctx, method, args, reply, conn, options...)
	}
	return c.invoke(ctx, conn, method, args, reply, options)
}

func (c *caller) interceptStream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	if passesThrough(method) {
		return open(ctx, desc, conn, method, options...)
	}
	return c.stream(ctx, conn, desc, method, options)
}

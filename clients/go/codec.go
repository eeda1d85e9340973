package sealwire

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
)

// frameCodec passes frames on as bytes: a signature covers bytes, and encoding them again may change them.
var frameCodec = grpc.ForceCodecV2(bytesCodec{})

// bytesCodec sends and receives *[]byte.
type bytesCodec struct{}

func (bytesCodec) Marshal(message any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*message.(*[]byte))}, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, message any) error {
	*message.(*[]byte) = data.Materialize()
	return nil
}

// Name is the content subtype: the bytes are protobuf messages.
func (bytesCodec) Name() string { return "proto" }

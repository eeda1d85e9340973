package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"sealwire.dev/sealwire"
)

func (a *agent) call(ctx context.Context, c *command, tell func(fields)) (fields, error) {
	open, err := a.channel(c)
	if err != nil {
		return nil, err
	}
	call, known := methods[c.Method]
	if !known {
		return nil, fmt.Errorf("the agent has no stub of %s", c.Method)
	}
	ctx, cancel := withTimeout(ctx, c.TimeoutMs)
	defer cancel()
	for key, value := range c.Metadata {
		ctx = metadata.AppendToOutgoingContext(ctx, key, value)
	}
	var header, trailer metadata.MD
	made := &stubCall{
		conn: open.conn, request: c.Request, header: &header, trailer: &trailer,
		see:   func(seen proto.Message) { tell(fields{"message": asJSON(seen)}) },
		began: func(initial metadata.MD) { tell(fields{"metadata": ownMetadata(initial)}) },
	}
	err = call(ctx, made)
	return outcome(err, made.response, header, trailer)
}

func (a *agent) tool(ctx context.Context, c *command, _ func(fields)) (fields, error) {
	client, err := a.client(c)
	if err != nil {
		return nil, err
	}
	request, err := readMessage(c.RequestType, c.Request)
	if err != nil {
		return nil, err
	}
	response, err := newMessage(c.ResponseType)
	if err != nil {
		return nil, err
	}
	ctx, cancel := withTimeout(withRequestID(ctx, c.RequestID), c.TimeoutMs)
	defer cancel()
	var header metadata.MD
	if err = client.Call(ctx, c.Tool, request, response, grpc.Header(&header)); err != nil {
		response = nil
	}
	return outcome(err, response, header)
}

func withTimeout(ctx context.Context, ms int64) (context.Context, context.CancelFunc) {
	if ms <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
}

func withRequestID(ctx context.Context, id string) context.Context {
	if id == "" {
		return ctx
	}
	return sealwire.WithRequestID(ctx, id)
}

// outcome is the answer to a command that calls.
func outcome(err error, response proto.Message, sent ...metadata.MD) (fields, error) {
	failed, isStatus := status.FromError(err)
	if !isStatus {
		return nil, err
	}
	answer := fields{"status": code.Code(failed.Code()).String(), "message": failed.Message()}
	if err == nil && response != nil {
		answer["response"] = asJSON(response)
	}
	told := fields{}
	for _, some := range sent {
		for key, value := range ownMetadata(some) {
			told[key] = value
		}
	}
	answer["metadata"] = told
	if e := sealwire.ErrorOf(err); e != nil {
		answer["error"] = asJSON(e)
	}
	var unverified *sealwire.UnverifiedError
	if errors.As(err, &unverified) {
		answer["unverified"] = true
	}
	return answer, nil
}

func ownMetadata(sent metadata.MD) map[string]string {
	own := map[string]string{}
	for key, values := range sent {
		if strings.HasPrefix(key, "sealwire-") {
			own[key] = strings.Join(values, ", ")
		}
	}
	return own
}

func asJSON(given proto.Message) json.RawMessage {
	text, err := protojson.Marshal(given)
	if err != nil {
		text, _ = json.Marshal(err.Error())
	}
	return text
}

func newMessage(name string) (proto.Message, error) {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
	if err != nil {
		return nil, err
	}
	return kind.New().Interface(), nil
}

func readMessage(name string, text []byte) (proto.Message, error) {
	made, err := newMessage(name)
	if err != nil {
		return nil, err
	}
	return made, protojson.Unmarshal(text, made)
}

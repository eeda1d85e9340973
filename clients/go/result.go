package sealwire

import (
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/reflect/protoreflect"

	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// readResult reads the result of a verified answer into a message. Without a result, it returns the tool's failure.
func (f callFacts) readResult(response *sealwirev1.Response, result proto.Message) error {
	switch {
	case response.Result != nil:
		return f.decode(response.Result.Value, result)
	case response.Error != nil:
		return f.toolFailed(response.Error)
	default:
		return f.failed(invalidAnswer(fmt.Sprintf("the answer of %s holds no result", f.tool)))
	}
}

func (f callFacts) decode(encoded []byte, into proto.Message) error {
	if err := proto.Unmarshal(encoded, into); err != nil {
		return f.failed(invalidAnswer(fmt.Sprintf("the signed answer of %s cannot be read as a %s", f.tool, into.ProtoReflect().Descriptor().FullName())))
	}
	return nil
}

// asMessage returns a stub's message.
func asMessage(message any) (proto.Message, error) {
	switch message := message.(type) {
	case proto.Message:
		return message, nil
	case protoadapt.MessageV1:
		return protoadapt.MessageV2Of(message), nil
	default:
		return nil, notCalled(codes.Internal, "ARGS_INVALID", "%T is no protobuf message", message)
	}
}

// readAny reads the output of a job.
func (f callFacts) readAny(answer *jobAnswer, want protoreflect.FullName, into proto.Message) error {
	if answer.output.GetTypeUrl() != typeURLPrefix+string(want) {
		return f.failed(invalidAnswer(fmt.Sprintf("job %s of %s holds a %s", answer.job.JobId, f.tool, answer.output.GetTypeUrl())))
	}
	return f.decode(answer.output.GetValue(), into)
}

// Package sealwire signs requests to a Sealwire server and verifies its answers (docs/protocol.md).
package sealwire

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"example.com/sealwire-client/gen/frame"
	pb "example.com/sealwire-client/gen/sealwire/v1"
)

const typeURL = "type.googleapis.com/"

// ErrUnverified is wrapped by every error about an answer that could not be verified. Its content must not be used.
var ErrUnverified = errors.New("unverified")

// Expected contains the values that an answer must match: the request's id and signature, and the name of the tool's
// response message.
type Expected struct {
	RequestID        string
	RequestSignature []byte
	Result           protoreflect.FullName
}

// PAE encodes a list of parts unambiguously: different lists have different encodings.
func PAE(parts ...[]byte) []byte {
	out := fmt.Appendf(nil, "mcp/0.1 %d", len(parts))
	for _, part := range parts {
		out = append(fmt.Appendf(out, " %d ", len(part)), part...)
	}
	return out
}

// MAC computes the HMAC-SHA256 of the PAE of the parts.
func MAC(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(PAE(parts...))
	return mac.Sum(nil)
}

// Sign signs the bytes of an Envelope for a gRPC path.
func (c *Credentials) Sign(method string, envelope []byte) *frame.Frame {
	signature := MAC(c.RequestKey, []byte("request"), []byte(method), []byte(c.KeyID), envelope)
	return &frame.Frame{Content: envelope, KeyId: c.KeyID, Signature: signature}
}

// Verify returns the Response in a received frame, or ErrUnverified. The Response is verified before it is parsed.
func (c *Credentials) Verify(expected *Expected, received *frame.Frame, sequence int64) (*pb.Response, error) {
	signature := MAC(c.ResponseKey, []byte("response"), expected.RequestSignature, received.Content)
	if received.KeyId != c.KeyID || !hmac.Equal(received.Signature, signature) {
		return nil, fmt.Errorf("%w: the answer is not signed for this request", ErrUnverified)
	}
	response := &pb.Response{}
	if err := proto.Unmarshal(received.Content, response); err != nil {
		return nil, fmt.Errorf("%w: the answer cannot be read: %w", ErrUnverified, err)
	}
	if response.V != "mcp/0.1" || response.ServerId != c.ServerID || response.Sequence != sequence {
		return nil, fmt.Errorf("%w: the answer is of another version, server or place in the stream", ErrUnverified)
	}
	reason := response.GetError().GetReason()
	unread := reason == pb.ErrorReason_ERROR_REASON_ENVELOPE_INVALID || reason == pb.ErrorReason_ERROR_REASON_UNSUPPORTED_VERSION
	if response.RequestId != expected.RequestID && !(unread && response.RequestId == "") {
		return nil, fmt.Errorf("%w: the answer is to another request", ErrUnverified)
	}
	known := response.Status >= pb.Status_STATUS_OK && response.Status <= pb.Status_STATUS_CANCELLED
	if !known || response.Ok != (response.Status <= pb.Status_STATUS_DONE) {
		return nil, fmt.Errorf("%w: the answer contradicts itself", ErrUnverified)
	}
	if response.Result != nil && response.Result.TypeUrl != typeURL+string(expected.Result) {
		return nil, fmt.Errorf("%w: the answer holds another tool's result", ErrUnverified)
	}
	return response, nil
}

// VerifyRefusal returns the Response in the details of a failed call, or nil if the failure is unsigned.
func (c *Credentials) VerifyRefusal(expected *Expected, failure *status.Status, sequence int64) (*pb.Response, error) {
	var signed *frame.Frame
	info := &errdetails.ErrorInfo{}
	for _, detail := range failure.Proto().GetDetails() {
		var err error
		switch detail.TypeUrl {
		case typeURL + "google.rpc.ErrorInfo":
			err = proto.Unmarshal(detail.Value, info)
		case typeURL + "sealwire.v1.CallResponse", typeURL + "sealwire.v1.WatchJobResponse":
			signed = &frame.Frame{}
			err = proto.Unmarshal(detail.Value, signed)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: the status details cannot be read: %w", ErrUnverified, err)
		}
	}
	if signed == nil {
		return nil, nil
	}
	response, err := c.Verify(expected, signed, sequence)
	if err != nil {
		return nil, err
	}
	// grpc-go takes the status code from google.rpc.Status and refuses a call whose two codes differ.
	reason := "ERROR_REASON_" + info.Reason
	if int32(failure.Code()) != int32(response.Error.GetCode()) || info.Reason != "" && reason != response.Error.GetReason().String() {
		return nil, fmt.Errorf("%w: the status contradicts the signed refusal", ErrUnverified)
	}
	return response, nil
}

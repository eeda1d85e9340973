package sealwire

import (
	"crypto/hmac"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// The gRPC paths of the methods that carry signed frames.
const (
	CallMethod     = "/sealwire.v1.ToolService/Call"
	WatchJobMethod = "/sealwire.v1.ToolService/WatchJob"
)

const (
	protocolVersion = "mcp/0.1"
	typeURLPrefix   = "type.googleapis.com/"
)

var (
	requestLabel  = []byte("request")
	responseLabel = []byte("response")
)

// Expected holds the values that an answer must match.
type Expected struct {
	// RequestID is the request id of the envelope that was sent.
	RequestID string
	// RequestSignature is the signature of the frame that was sent, 32 bytes.
	RequestSignature []byte
	// Sequence is 0 for the answer to a call, and 1, 2, 3 and so on for the messages of a watch.
	Sequence int64
	// ResultType is the full name of the response message of the tool. Empty accepts every type.
	ResultType protoreflect.FullName
}

// PAE encodes a list of parts unambiguously: different lists have different encodings (docs/protocol.md, Signing
// input).
func PAE(parts ...[]byte) []byte {
	out := fmt.Appendf(nil, protocolVersion+" %d", len(parts))
	for _, part := range parts {
		out = append(fmt.Appendf(out, " %d ", len(part)), part...)
	}
	return out
}

// MAC returns the HMAC-SHA256 of the PAE of the parts, 32 bytes.
func (k *Key) MAC(parts ...[]byte) []byte {
	mac := k.macs.Get().(*keyedMAC)
	defer k.macs.Put(mac)
	mac.hash.Reset()
	text := append(mac.text[:0], protocolVersion...)
	text = strconv.AppendInt(append(text, ' '), int64(len(parts)), 10)
	for _, part := range parts {
		text = strconv.AppendInt(append(text, ' '), int64(len(part)), 10)
		mac.hash.Write(append(text, ' '))
		mac.hash.Write(part)
		text = text[:0]
	}
	mac.hash.Write(text)
	return mac.hash.Sum(nil)
}

// Sign signs the bytes of an envelope for a gRPC path, [CallMethod] or [WatchJobMethod]. The envelope must be sent
// exactly as it was signed.
func (c *Credentials) Sign(method string, envelope []byte) *Frame {
	signature := c.RequestKey.MAC(requestLabel, []byte(method), []byte(c.KeyID), envelope)
	return &Frame{Content: envelope, KeyID: c.KeyID, Signature: signature}
}

// Verify returns the Response in a received frame. The bytes are verified before they are parsed. An answer that does
// not match is an [*UnverifiedError]; nothing in it may be used.
func (c *Credentials) Verify(received *Frame, expected *Expected) (*sealwirev1.Response, error) {
	signature := c.ResponseKey.MAC(responseLabel, expected.RequestSignature, received.Content)
	if received.KeyID != c.KeyID || !hmac.Equal(received.Signature, signature) {
		return nil, unverified("the answer is not signed for this request")
	}
	response := &sealwirev1.Response{}
	if err := proto.Unmarshal(received.Content, response); err != nil {
		return nil, unverified("the signed answer is not a Response")
	}
	if response.V != protocolVersion {
		return nil, unverified("the answer is of another version of the protocol")
	}
	if response.ServerId != c.ServerID {
		return nil, unverified(fmt.Sprintf("it names another server, %q; the credentials are for %q", response.ServerId, c.ServerID))
	}
	if response.RequestId != expected.RequestID && !(response.RequestId == "" && isUnread(response.GetError())) {
		return nil, unverified("the answer is to another request")
	}
	known := response.Status >= sealwirev1.Status_STATUS_OK && response.Status <= sealwirev1.Status_STATUS_CANCELLED
	if !known || response.Ok != (response.Status <= sealwirev1.Status_STATUS_DONE) {
		return nil, unverified("the answer contradicts itself")
	}
	if response.Sequence != expected.Sequence {
		return nil, unverified("the answer has another place in its stream")
	}
	if response.Result != nil && expected.ResultType != "" && response.Result.TypeUrl != typeURLPrefix+string(expected.ResultType) {
		return nil, unverified("the answer holds the result of another tool")
	}
	return response, nil
}

// isUnread reports whether the server could not read the envelope, so that it does not know the request id.
func isUnread(e *sealwirev1.Error) bool {
	reason := e.GetReason()
	return reason == sealwirev1.ErrorReason_ERROR_REASON_ENVELOPE_INVALID ||
		reason == sealwirev1.ErrorReason_ERROR_REASON_UNSUPPORTED_VERSION
}

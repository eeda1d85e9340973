package sealwire

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// Frame is a signed message as it travels: CallRequest, CallResponse, WatchJobRequest and WatchJobResponse all have
// this form. Content is a serialized Envelope or Response; the signature covers these very bytes.
type Frame struct {
	Content   []byte
	KeyID     string
	Signature []byte
}

// The fields of a frame.
const (
	contentField   = 1
	keyIDField     = 2
	signatureField = 3
)

var errFrame = errors.New("not a frame of content, key id and signature")

// Marshal returns the wire format of the frame.
func (f *Frame) Marshal() []byte {
	out := appendBytes(make([]byte, 0, frameSize(len(f.Content), len(f.KeyID))), contentField, f.Content)
	return f.appendSeal(out)
}

// appendSeal appends everything but the content.
func (f *Frame) appendSeal(out []byte) []byte {
	return appendBytes(appendString(out, keyIDField, f.KeyID), signatureField, f.Signature)
}

// frameSize returns an upper bound of the size of a frame.
func frameSize(content, keyID int) int {
	const signature, tagsAndLengths = 32, 3 + 5 + 2 + 1
	return content + keyID + signature + tagsAndLengths
}

// ParseFrame reads the wire format of a frame. The frame shares the memory of the bytes. It is refused if a field is
// missing, unknown or given twice.
func ParseFrame(wire []byte) (*Frame, error) {
	frame := &Frame{}
	seen := [signatureField + 1]bool{}
	for len(wire) > 0 {
		field, kind, n := protowire.ConsumeTag(wire)
		if n < 0 || kind != protowire.BytesType || field > signatureField || seen[field] {
			return nil, errFrame
		}
		seen[field] = true
		value, m := protowire.ConsumeBytes(wire[n:])
		if m < 0 {
			return nil, errFrame
		}
		switch field {
		case contentField:
			frame.Content = value
		case keyIDField:
			frame.KeyID = string(value)
		case signatureField:
			frame.Signature = value
		}
		wire = wire[n+m:]
	}
	if !seen[contentField] || !seen[keyIDField] || !seen[signatureField] {
		return nil, errFrame
	}
	return frame, nil
}

func appendBytes(out []byte, field protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(out, field, protowire.BytesType), value)
}

func appendString(out []byte, field protowire.Number, value string) []byte {
	return protowire.AppendString(protowire.AppendTag(out, field, protowire.BytesType), value)
}

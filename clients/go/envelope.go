package sealwire

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// envelope holds the fields of a sealwire.v1.Envelope. It is encoded here, field by field, because the arguments are
// encoded already and each attempt of a call is encoded anew.
type envelope struct {
	v         string
	requestID string
	tsMs      int64
	clientID  string
	serverID  string
	tool      string
	argsURL   string
	args      []byte
	nonce     []byte
	// definitionDigest is left out if it is empty.
	definitionDigest string
}

// size returns the number of bytes that appendTo appends.
func (e *envelope) size() int {
	size := textSize(e.v) + textSize(e.requestID) + textSize(e.clientID) + textSize(e.serverID) + textSize(e.tool)
	if e.tsMs != 0 {
		size += 1 + protowire.SizeVarint(uint64(e.tsMs))
	}
	if e.hasArgs() {
		size += 1 + protowire.SizeBytes(e.anySize())
	}
	return size + bytesSize(len(e.nonce)) + textSize(e.definitionDigest)
}

func (e *envelope) hasArgs() bool { return e.argsURL != "" || e.args != nil }

func (e *envelope) anySize() int { return textSize(e.argsURL) + bytesSize(len(e.args)) }

// appendTo appends the wire format of the envelope, its fields in ascending order.
func (e *envelope) appendTo(out []byte) []byte {
	out = appendText(out, 1, e.v)
	out = appendText(out, 2, e.requestID)
	if e.tsMs != 0 {
		out = protowire.AppendVarint(protowire.AppendTag(out, 3, protowire.VarintType), uint64(e.tsMs))
	}
	out = appendText(out, 4, e.clientID)
	out = appendText(out, 5, e.serverID)
	out = appendText(out, 6, e.tool)
	if e.hasArgs() {
		out = protowire.AppendVarint(protowire.AppendTag(out, 7, protowire.BytesType), uint64(e.anySize()))
		out = appendText(out, 1, e.argsURL)
		if len(e.args) > 0 {
			out = appendBytes(out, 2, e.args)
		}
	}
	if len(e.nonce) > 0 {
		out = appendBytes(out, 8, e.nonce)
	}
	return appendText(out, 9, e.definitionDigest)
}

// appendText appends a text field unless it is empty, as in every proto3 encoding.
func appendText(out []byte, field protowire.Number, value string) []byte {
	if value == "" {
		return out
	}
	return appendString(out, field, value)
}

func textSize(value string) int { return bytesSize(len(value)) }

func bytesSize(length int) int {
	if length == 0 {
		return 0
	}
	return 1 + protowire.SizeBytes(length)
}

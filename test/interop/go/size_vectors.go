package main

import (
	"bytes"
	"encoding/json"

	"google.golang.org/protobuf/proto"

	"example.com/sealwire-client/gen/frame"
	"example.com/sealwire-client/sealwire"
)

// runs are bytes written as hex, or as a list of hex and of runs of the same bytes.
type runs []byte

func (r *runs) UnmarshalJSON(text []byte) error {
	var whole hexBytes
	if json.Unmarshal(text, &whole) == nil {
		*r = runs(whole)
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	for _, each := range list {
		var digits hexBytes
		if json.Unmarshal(each, &digits) == nil {
			*r = append(*r, digits...)
			continue
		}
		var run struct {
			Byte  hexBytes
			Times int
		}
		if err := json.Unmarshal(each, &run); err != nil {
			return err
		}
		*r = append(*r, bytes.Repeat(run.Byte, run.Times)...)
	}
	return nil
}

type sizesFile struct {
	Cases []struct {
		ID                  int
		Flag, KeyID, Result string
		Key, Signature      hexBytes
		Parts               []runs
		SigningInput, Frame runs
	}
}

func (c *checker) sizes(file sizesFile) error {
	for _, each := range file.Cases {
		received := &frame.Frame{}
		if err := proto.Unmarshal(each.Frame, received); err != nil {
			return err
		}
		parts := make([][]byte, len(each.Parts))
		for index, part := range each.Parts {
			parts[index] = part
		}
		last := len(parts) - 1
		made := &frame.Frame{Content: parts[last], KeyId: each.KeyID, Signature: each.Signature}
		var signature []byte
		if each.Flag == "Request" {
			signer := &sealwire.Credentials{KeyID: received.KeyId, RequestKey: each.Key}
			signature = c.sign(signer, string(parts[1]), received.Content).Signature
		} else {
			signature = sealwire.MAC(each.Key, parts[0], parts[1], received.Content)
		}
		valid := each.Result == "valid"
		c.check(each.ID, map[string]bool{
			"signing_input": bytes.Equal(sealwire.PAE(parts...), each.SigningInput),
			"signature":     bytes.Equal(sealwire.MAC(each.Key, parts...), each.Signature),
			"verdict":       bytes.Equal(signature, received.Signature) == valid,
			"frame":         proto.Equal(made, received) == valid,
		})
	}
	return nil
}

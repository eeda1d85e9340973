package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"example.com/sealwire-client/gen/frame"
	pb "example.com/sealwire-client/gen/sealwire/v1"
	"example.com/sealwire-client/sealwire"
)

type serverKey struct {
	KeyID      string
	RequestKey hexBytes
}

type request struct {
	Signed struct {
		Method, KeyID, Key                string
		Fields                            *envelopeFields
		Envelope, SigningInput, Signature hexBytes
	}
	Received struct{ Frame hexBytes }
}

type requestsFile struct {
	Keys  []serverKey
	Cases []struct {
		request
		ID   int
		Flag string
	}
}

type sequencesFile struct {
	Cases []struct {
		ID    int
		Steps []struct {
			request
			Keys []serverKey
		}
	}
}

type envelopeFields struct {
	V, RequestID, ClientID, ServerID, Tool string
	TsMs                                   int64 `json:",string"`
	Args                                   *struct {
		TypeURL string
		Value   hexBytes
	}
	Nonce hexBytes
}

func (f *envelopeFields) encode() ([]byte, error) {
	envelope := &pb.Envelope{
		V: f.V, RequestId: f.RequestID, TsMs: f.TsMs, ClientId: f.ClientID, ServerId: f.ServerID, Tool: f.Tool, Nonce: f.Nonce,
	}
	if f.Args != nil {
		envelope.Args = &anypb.Any{TypeUrl: f.Args.TypeURL, Value: f.Args.Value}
	}
	return proto.Marshal(envelope)
}

func (c *checker) requests(file requestsFile) error {
	for _, each := range file.Cases {
		facts, err := c.signerFacts(each.request, file.Keys, each.Flag)
		if err != nil {
			return err
		}
		c.check(each.ID, facts)
	}
	return nil
}

// sequences checks that a client signs each step so; what a server remembers of the steps before is the server's affair.
func (c *checker) sequences(file sequencesFile) error {
	for _, each := range file.Cases {
		all := map[string]bool{}
		for index, step := range each.Steps {
			facts, err := c.signerFacts(step.request, step.Keys, "")
			if err != nil {
				return err
			}
			for name, holds := range facts {
				all[fmt.Sprintf("%d: %s", index+1, name)] = holds
			}
		}
		c.check(each.ID, all)
	}
	return nil
}

func (c *checker) signerFacts(given request, keys []serverKey, flag string) (map[string]bool, error) {
	signed := given.Signed
	var key []byte
	if index := slices.IndexFunc(keys, func(each serverKey) bool { return each.KeyID == signed.Key }); index >= 0 {
		key = keys[index].RequestKey
	} else if decoded, err := hex.DecodeString(signed.Key); err != nil {
		return nil, err
	} else {
		key = decoded
	}
	made := c.sign(&sealwire.Credentials{KeyID: signed.KeyID, RequestKey: key}, signed.Method, signed.Envelope)
	input := sealwire.PAE([]byte("request"), []byte(signed.Method), []byte(signed.KeyID), signed.Envelope)
	asProtocolSays := flag != "SigningInput"
	facts := map[string]bool{
		"signing_input": bytes.Equal(input, signed.SigningInput) == asProtocolSays,
		"signature":     bytes.Equal(made.Signature, signed.Signature) == asProtocolSays,
		"hmac":          bytes.Equal(hmacOf(key, signed.SigningInput), signed.Signature),
	}
	if signed.Fields != nil {
		encoded, err := signed.Fields.encode()
		facts["fields"] = err == nil && bytes.Equal(encoded, signed.Envelope)
	}
	if flag == "Valid" {
		received := &frame.Frame{}
		facts["frame"] = proto.Unmarshal(given.Received.Frame, received) == nil && proto.Equal(made, received)
	}
	return facts, nil
}

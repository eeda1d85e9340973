package main

import (
	"bytes"
	"errors"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"example.com/sealwire-client/gen/frame"
	"example.com/sealwire-client/sealwire"
)

const sumType = protoreflect.FullName("sealwire.demo.v1.BatchSumResponse")

type responsesFile struct {
	Request struct {
		ServerID, RequestID string
		Signature           hexBytes
	}
	Key struct {
		KeyID       string
		ResponseKey hexBytes
	}
	Cases []struct {
		ID      int
		Flag    string
		Result  string
		Lenient bool
		Signed  struct{ RequestSignature, Response, SigningInput, Key, Signature hexBytes }

		Received struct{ Frame hexBytes }
		Sequence int64 `json:",string"`
	}
}

func (c *checker) responses(file responsesFile) error {
	who := &sealwire.Credentials{KeyID: file.Key.KeyID, ServerID: file.Request.ServerID, ResponseKey: file.Key.ResponseKey}
	expected := &sealwire.Expected{RequestID: file.Request.RequestID, RequestSignature: file.Request.Signature, Result: sumType}
	for _, each := range file.Cases {
		signed := each.Signed
		input := sealwire.PAE([]byte("response"), signed.RequestSignature, signed.Response)
		verdict := "RESPONSE_UNVERIFIED"
		received := &frame.Frame{}
		if proto.Unmarshal(each.Received.Frame, received) == nil {
			_, err := c.verify(who, expected, received, each.Sequence)
			if err == nil {
				verdict = "valid"
			} else if !errors.Is(err, sealwire.ErrUnverified) {
				return err
			}
		}
		c.check(each.ID, map[string]bool{
			"signing_input": bytes.Equal(input, signed.SigningInput) == (each.Flag != "SigningInput"),
			"hmac":          bytes.Equal(hmacOf(signed.Key, signed.SigningInput), signed.Signature),
			"verdict":       verdict == each.Result || each.Lenient,
		})
	}
	return nil
}

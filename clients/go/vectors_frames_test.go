package sealwire

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	// The types that the messages of canonical.json use.
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"
)

type vectorKey struct {
	KeyID      string
	RequestKey hexBytes
}

type signedRequest struct {
	Signed struct {
		Method, KeyID, Key                string
		Fields                            *vectorFields
		Envelope, SigningInput, Signature hexBytes
	}
	Received struct{ Frame hexBytes }
}

type vectorFields struct {
	V, RequestID, ClientID, ServerID, Tool string
	TsMs                                   int64 `json:",string"`
	Args                                   *struct {
		TypeURL string
		Value   hexBytes
	}
	Nonce            hexBytes
	DefinitionDigest string
}

// encode encodes the fields as an attempt is encoded. The size that it reserves must be right.
func (f *vectorFields) encode() []byte {
	e := envelope{
		v: f.V, requestID: f.RequestID, tsMs: f.TsMs, clientID: f.ClientID, serverID: f.ServerID, tool: f.Tool, nonce: f.Nonce,
		definitionDigest: f.DefinitionDigest,
	}
	if f.Args != nil {
		e.argsURL, e.args = f.Args.TypeURL, f.Args.Value
	}
	encoded := e.appendTo(nil)
	if len(encoded) != e.size() {
		return nil
	}
	return encoded
}

func checkRequests(t *testing.T, tested subject) ([]string, int) {
	var file struct {
		Keys  []vectorKey
		Cases []struct {
			signedRequest
			ID   int
			Flag string
		}
	}
	readVectors(t, "requests", &file)
	all := &tally{}
	for _, each := range file.Cases {
		all.check(each.ID, signerFacts(t, tested, each.signedRequest, file.Keys, each.Flag))
	}
	return all.wrong, all.checked
}

// checkSequences checks that a client signs each step so. What a server remembers of the steps before is its own affair.
func checkSequences(t *testing.T, tested subject) ([]string, int) {
	var file struct {
		Cases []struct {
			ID    int
			Steps []struct {
				signedRequest
				Keys []vectorKey
			}
		}
	}
	readVectors(t, "sequences", &file)
	all := &tally{}
	for _, each := range file.Cases {
		for index, step := range each.Steps {
			all.check(fmt.Sprintf("%d.%d", each.ID, index+1), signerFacts(t, tested, step.signedRequest, step.Keys, ""))
		}
	}
	return all.wrong, all.checked
}

func signerFacts(t *testing.T, tested subject, given signedRequest, keys []vectorKey, flag string) map[string]bool {
	signed := given.Signed
	var secret []byte
	if index := slices.IndexFunc(keys, func(each vectorKey) bool { return each.KeyID == signed.Key }); index >= 0 {
		secret = keys[index].RequestKey
	} else if decoded, err := hex.DecodeString(signed.Key); err == nil {
		secret = decoded
	}
	made := tested.sign(&Credentials{KeyID: signed.KeyID, RequestKey: testKey(t, secret)}, signed.Method, signed.Envelope)
	input := PAE(requestLabel, []byte(signed.Method), []byte(signed.KeyID), signed.Envelope)
	isUsual := flag != "SigningInput"
	facts := map[string]bool{
		"signing_input": bytes.Equal(input, signed.SigningInput) == isUsual,
		"signature":     bytes.Equal(made.Signature, signed.Signature) == isUsual,
		"hmac":          bytes.Equal(hmacOf(secret, signed.SigningInput), signed.Signature),
	}
	if signed.Fields != nil {
		facts["fields"] = bytes.Equal(signed.Fields.encode(), signed.Envelope)
	}
	if flag == "Valid" {
		received, err := ParseFrame(given.Received.Frame)
		again, unread := ParseFrame(made.Marshal())
		facts["frame"] = err == nil && unread == nil && reflect.DeepEqual(made, received) && reflect.DeepEqual(made, again)
	}
	return facts
}

func checkResponses(t *testing.T, tested subject) ([]string, int) {
	var file struct {
		Request struct {
			ServerID, RequestID string
			Signature           hexBytes
		}
		Key struct {
			KeyID       string
			ResponseKey hexBytes
		}
		Cases []struct {
			ID           int
			Flag, Result string
			Lenient      bool
			Signed       struct{ RequestSignature, Response, SigningInput, Key, Signature hexBytes }
			Received     struct{ Frame hexBytes }
			Sequence     int64 `json:",string"`
		}
	}
	readVectors(t, "responses", &file)
	who := &Credentials{KeyID: file.Key.KeyID, ServerID: file.Request.ServerID, ResponseKey: testKey(t, file.Key.ResponseKey)}
	all := &tally{}
	for _, each := range file.Cases {
		signed := each.Signed
		input := PAE(responseLabel, signed.RequestSignature, signed.Response)
		expected := &Expected{RequestID: file.Request.RequestID, RequestSignature: file.Request.Signature, Sequence: each.Sequence}
		verdict := "RESPONSE_UNVERIFIED"
		if received, err := ParseFrame(each.Received.Frame); err == nil {
			_, err := tested.verify(who, received, expected)
			var refused *UnverifiedError
			if err == nil {
				verdict = "valid"
			} else if !errors.As(err, &refused) {
				t.Errorf("responses %d: %v is no UnverifiedError", each.ID, err)
			}
		}
		all.check(each.ID, map[string]bool{
			"signing_input": bytes.Equal(input, signed.SigningInput) == (each.Flag != "SigningInput"),
			"hmac":          bytes.Equal(hmacOf(signed.Key, signed.SigningInput), signed.Signature),
			"verdict":       verdict == each.Result || each.Lenient,
		})
	}
	return all.wrong, all.checked
}

// checkCanonical checks that Go's deterministic encoder writes the canonical form, which a signer behind a relay needs.
func checkCanonical(t *testing.T, _ subject) ([]string, int) {
	var file struct {
		DescriptorSet hexBytes
		Cases         []struct {
			ID           int
			Type         protoreflect.FullName
			Bytes        hexBytes
			Canonical    *hexBytes
			IntentDigest hexBytes
		}
	}
	readVectors(t, "canonical", &file)
	types := messageTypes(t, file.DescriptorSet)
	all := &tally{}
	for _, each := range file.Cases {
		if each.Canonical == nil {
			continue
		}
		described, err := types.FindDescriptorByName(each.Type)
		if err != nil {
			t.Fatal(err)
		}
		message := dynamicpb.NewMessage(described.(protoreflect.MessageDescriptor))
		if err := proto.Unmarshal(each.Bytes, message); err != nil {
			t.Fatal(err)
		}
		form, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
		digest := sha256.Sum256(PAE([]byte("intent"), []byte("sample"), *each.Canonical))
		all.check(each.ID, map[string]bool{
			"canonical":     err == nil && bytes.Equal(form, *each.Canonical),
			"intent_digest": bytes.Equal(digest[:], each.IntentDigest),
		})
	}
	return all.wrong, all.checked
}

// messageTypes reads a descriptor set. Files of this program are taken from it.
func messageTypes(t *testing.T, encoded []byte) *protoregistry.Files {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(encoded, set); err != nil {
		t.Fatal(err)
	}
	files := &protoregistry.Files{}
	for _, each := range set.File {
		described, err := protodesc.NewFile(each, resolvers{files, protoregistry.GlobalFiles})
		if err == nil {
			err = files.RegisterFile(described)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// resolvers look in several registries.
type resolvers []*protoregistry.Files

func (r resolvers) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	for _, files := range r {
		if found, err := files.FindFileByPath(path); err == nil {
			return found, nil
		}
	}
	return nil, protoregistry.NotFound
}

func (r resolvers) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	for _, files := range r {
		if found, err := files.FindDescriptorByName(name); err == nil {
			return found, nil
		}
	}
	return nil, protoregistry.NotFound
}

func TestAFrameHasAllItsFields(t *testing.T) {
	whole := Frame{Content: []byte{1}, KeyID: "k", Signature: []byte{2}}
	if _, err := ParseFrame(whole.Marshal()); err != nil {
		t.Error(err)
	}
	for _, wire := range [][]byte{
		nil, whole.appendSeal(nil), appendBytes(nil, contentField, whole.Content), appendString(nil, keyIDField, whole.KeyID),
	} {
		if _, err := ParseFrame(wire); err == nil {
			t.Errorf("%x is taken for a frame", wire)
		}
	}
}

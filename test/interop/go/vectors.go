package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"

	// The types that the messages of canonical.json use.
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"

	"example.com/sealwire-client/gen/frame"
	pb "example.com/sealwire-client/gen/sealwire/v1"
	"example.com/sealwire-client/sealwire"
)

const sumType = protoreflect.FullName("sealwire.demo.v1.BatchSumResponse")

// checker counts the vectors that it is told of and prints those that the client gets wrong.
type checker struct {
	file               string
	checked, disagreed int
	sign               func(*sealwire.Credentials, string, []byte) *frame.Frame
	verify             func(*sealwire.Credentials, *sealwire.Expected, *frame.Frame, int64) (*pb.Response, error)
}

// check notes one vector: facts are its names and whether they hold.
func (c *checker) check(number int, facts map[string]bool) {
	c.checked++
	var wrong []string
	for name, holds := range facts {
		if !holds {
			wrong = append(wrong, name)
		}
	}
	if wrong != nil {
		c.disagreed++
		fmt.Println(c.file, number, strings.Join(wrong, " "))
	}
}

func checkVectors(folder string, fault ...string) error {
	c := &checker{sign: (*sealwire.Credentials).Sign, verify: (*sealwire.Credentials).Verify}
	if len(fault) > 0 {
		if err := c.plant(fault[0]); err != nil {
			return err
		}
	}
	if err := errors.Join(
		read(c, folder, "keys", c.keys),
		read(c, folder, "requests", c.requests),
		read(c, folder, "responses", c.responses),
		read(c, folder, "canonical", c.canonical),
	); err != nil {
		return err
	}
	if c.disagreed > 0 {
		return fmt.Errorf("%d of %d vectors disagree", c.disagreed, c.checked)
	}
	fmt.Printf("%d vectors agree\n", c.checked)
	return nil
}

// plant makes the signer take another label, or the verifier believe every signature.
func (c *checker) plant(fault string) error {
	switch fault {
	case "--wrong-signer":
		c.sign = func(who *sealwire.Credentials, method string, envelope []byte) *frame.Frame {
			signed := who.Sign(method, envelope)
			signed.Signature = sealwire.MAC(who.RequestKey, []byte("response"), []byte(method), []byte(who.KeyID), envelope)
			return signed
		}
	case "--wrong-verifier":
		c.verify = func(who *sealwire.Credentials, expected *sealwire.Expected, received *frame.Frame, sequence int64) (*pb.Response, error) {
			signature := sealwire.MAC(who.ResponseKey, []byte("response"), expected.RequestSignature, received.Content)
			believed := &frame.Frame{Content: received.Content, KeyId: who.KeyID, Signature: signature}
			return who.Verify(expected, believed, sequence)
		}
	default:
		return fmt.Errorf("unknown fault %s", fault)
	}
	return nil
}

func read[File any](c *checker, folder, name string, check func(File) error) error {
	text, err := os.ReadFile(filepath.Join(folder, name+".json"))
	if err != nil {
		return err
	}
	var file File
	if err := json.Unmarshal(text, &file); err != nil {
		return fmt.Errorf("%s.json: %w", name, err)
	}
	c.file = name
	return check(file)
}

// hexBytes is a byte string written as hex digits.
type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

type keysFile struct {
	PAE []struct {
		Parts []hexBytes
		Bytes hexBytes
	}
	Derivations []struct {
		ServerSecret                    hexBytes
		Fingerprint, ClientID, KeyID    string
		RequestKey, ResponseKey         hexBytes
		RequestKeyText, ResponseKeyText string
	}
}

func (c *checker) keys(file keysFile) error {
	for index, row := range file.PAE {
		parts := make([][]byte, len(row.Parts))
		for part := range row.Parts {
			parts[part] = row.Parts[part]
		}
		c.check(index+1, map[string]bool{"pae": bytes.Equal(sealwire.PAE(parts...), row.Bytes)})
	}
	for index, row := range file.Derivations {
		client, key := []byte(row.ClientID), []byte(row.KeyID)
		requestKey, requestErr := sealwire.DecodeKey("sws_", row.RequestKeyText)
		responseKey, responseErr := sealwire.DecodeKey("swr_", row.ResponseKeyText)
		fingerprint := hex.EncodeToString(sealwire.MAC(row.ServerSecret, []byte("fingerprint")))
		c.check(len(file.PAE)+index+1, map[string]bool{
			"fingerprint":       fingerprint[:32] == row.Fingerprint,
			"request_key":       bytes.Equal(sealwire.MAC(row.ServerSecret, []byte("request-key"), client, key), row.RequestKey),
			"response_key":      bytes.Equal(sealwire.MAC(row.ServerSecret, []byte("response-key"), client, key), row.ResponseKey),
			"request_key_text":  requestErr == nil && bytes.Equal(requestKey, row.RequestKey),
			"response_key_text": responseErr == nil && bytes.Equal(responseKey, row.ResponseKey),
		})
	}
	return nil
}

type requestsFile struct {
	Keys []struct {
		KeyID      string
		RequestKey hexBytes
	}
	Cases []struct {
		ID     int
		Flag   string
		Signed struct {
			Method, KeyID, Key                string
			Fields                            *envelopeFields
			Envelope, SigningInput, Signature hexBytes
		}
		Received struct{ Frame hexBytes }
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
	keys := map[string][]byte{}
	for _, key := range file.Keys {
		keys[key.KeyID] = key.RequestKey
	}
	for _, each := range file.Cases {
		signed := each.Signed
		key, known := keys[signed.Key]
		if !known {
			var err error
			if key, err = hex.DecodeString(signed.Key); err != nil {
				return err
			}
		}
		made := c.sign(&sealwire.Credentials{KeyID: signed.KeyID, RequestKey: key}, signed.Method, signed.Envelope)
		input := sealwire.PAE([]byte("request"), []byte(signed.Method), []byte(signed.KeyID), signed.Envelope)
		asProtocolSays := each.Flag != "SigningInput"
		facts := map[string]bool{
			"signing_input": bytes.Equal(input, signed.SigningInput) == asProtocolSays,
			"signature":     bytes.Equal(made.Signature, signed.Signature) == asProtocolSays,
			"hmac":          bytes.Equal(hmacOf(key, signed.SigningInput), signed.Signature),
		}
		if signed.Fields != nil {
			encoded, err := signed.Fields.encode()
			facts["fields"] = err == nil && bytes.Equal(encoded, signed.Envelope)
		}
		if each.Flag == "Valid" {
			received := &frame.Frame{}
			facts["frame"] = proto.Unmarshal(each.Received.Frame, received) == nil && proto.Equal(made, received)
		}
		c.check(each.ID, facts)
	}
	return nil
}

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

type canonicalFile struct {
	DescriptorSet hexBytes
	Cases         []struct {
		ID           int
		Type         protoreflect.FullName
		Bytes        hexBytes
		Canonical    *hexBytes
		IntentDigest hexBytes
	}
}

func (c *checker) canonical(file canonicalFile) error {
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(file.DescriptorSet, set); err != nil {
		return err
	}
	for _, each := range set.File {
		described, err := protodesc.NewFile(each, protoregistry.GlobalFiles)
		if err != nil {
			return err
		}
		if err := protoregistry.GlobalFiles.RegisterFile(described); err != nil {
			return err
		}
	}
	for _, each := range file.Cases {
		if each.Canonical == nil {
			continue
		}
		described, err := protoregistry.GlobalFiles.FindDescriptorByName(each.Type)
		if err != nil {
			return err
		}
		message := dynamicpb.NewMessage(described.(protoreflect.MessageDescriptor))
		if err := proto.Unmarshal(each.Bytes, message); err != nil {
			return err
		}
		form, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
		if err != nil {
			return err
		}
		digest := sha256.Sum256(sealwire.PAE([]byte("intent"), []byte("sample"), *each.Canonical))
		c.check(each.ID, map[string]bool{
			"canonical":     bytes.Equal(form, *each.Canonical),
			"intent_digest": bytes.Equal(digest[:], each.IntentDigest),
		})
	}
	return nil
}

func hmacOf(key, input []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(input)
	return mac.Sum(nil)
}

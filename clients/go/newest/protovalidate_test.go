package newest

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"

	"sealwire.dev/sealwire"
	demov1 "sealwire.dev/sealwire/gen/sealwire/demo/v1"
	systemv1 "sealwire.dev/sealwire/gen/sealwire/system/v1"
	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

var validator = sealwire.WithValidator(sealwire.ValidatorFunc(func(args proto.Message) error {
	return protovalidate.Validate(args)
}))

// runs are bytes written as hex, or as a list of hex and of runs of the same bytes.
type runs []byte

func (r *runs) UnmarshalJSON(text []byte) error {
	var digits string
	if json.Unmarshal(text, &digits) == nil {
		decoded, err := hex.DecodeString(digits)
		*r = append(*r, decoded...)
		return err
	}
	var run struct {
		Byte  string
		Times int
	}
	if json.Unmarshal(text, &run) == nil {
		decoded, err := hex.DecodeString(run.Byte)
		*r = append(*r, bytes.Repeat(decoded, run.Times)...)
		return err
	}
	var list []json.RawMessage
	err := json.Unmarshal(text, &list)
	for _, each := range list {
		err = errors.Join(err, r.UnmarshalJSON(each))
	}
	return err
}

type violation struct{ Field, RuleID string }

// listenUnsigned serves list_tools, without which no stub is known, and nothing else: arguments that are not valid must not
// be sent.
func listenUnsigned(t *testing.T, credentials *sealwire.Credentials) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	credentials.Address = listener.Addr().String()
	server := grpc.NewServer()
	sealwirev1.RegisterToolServiceServer(server, &lister{t: t, credentials: credentials})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
}

type lister struct {
	sealwirev1.UnimplementedToolServiceServer
	t           *testing.T
	credentials *sealwire.Credentials
}

func (l *lister) Call(_ context.Context, request *sealwirev1.CallRequest) (*sealwirev1.CallResponse, error) {
	sent := request.Envelope
	if sent.Tool != "list_tools" {
		l.t.Errorf("%s was sent", sent.Tool)
		return nil, status.Error(codes.Unimplemented, sent.Tool)
	}
	result, err := anypb.New(&systemv1.ListToolsResponse{Tools: []*systemv1.ToolDescription{{
		Name: "batch_sum", Method: "sealwire.demo.v1.DemoToolService.BatchSum", Idempotent: true,
		RequestType: "sealwire.demo.v1.BatchSumRequest", ResponseType: "sealwire.demo.v1.BatchSumResponse",
	}}})
	if err != nil {
		return nil, err
	}
	response := &sealwirev1.Response{
		V: sent.V, RequestId: sent.RequestId, TsMs: sent.TsMs, ServerId: sent.ServerId, Ok: true, Status: sealwirev1.Status_STATUS_OK, Result: result,
	}
	content, err := proto.Marshal(response)
	if err != nil {
		return nil, err
	}
	signature := l.credentials.ResponseKey.MAC([]byte("response"), request.Signature, content)
	return &sealwirev1.CallResponse{Response: response, KeyId: request.KeyId, Signature: signature}, nil
}

func newCredentials(t *testing.T) *sealwire.Credentials {
	t.Helper()
	requestKey, err := sealwire.NewKey(bytes.Repeat([]byte{1}, 32))
	responseKey, again := sealwire.NewKey(bytes.Repeat([]byte{2}, 32))
	if err := errors.Join(err, again); err != nil {
		t.Fatal(err)
	}
	return &sealwire.Credentials{ServerID: "server", ClientID: "client", KeyID: "key", RequestKey: requestKey, ResponseKey: responseKey, Address: "127.0.0.1:1"}
}

func TestViolationsAreFoundBeforeSending(t *testing.T) {
	credentials := newCredentials(t)
	listenUnsigned(t, credentials)
	client, err := sealwire.NewClientFrom(credentials, validator)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = demov1.NewDemoToolServiceClient(client).BatchSum(context.Background(), &demov1.BatchSumRequest{Numbers: []float64{1, math.NaN()}})
	e := sealwire.ErrorOf(err)
	if status.Code(err) != codes.InvalidArgument || len(e.GetViolations()) != 1 {
		t.Fatal(err)
	}
	if found := e.Violations[0]; found.Field != "numbers[1]" || found.RuleId != "double.finite" {
		t.Error(found)
	}
}

func TestTheVectorsOfArgumentsAgree(t *testing.T) {
	folder := os.Getenv("SEALWIRE_VECTORS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "test", "vectors")
	}
	text, err := os.ReadFile(filepath.Join(folder, "arguments.json"))
	if err != nil {
		t.Skip("set SEALWIRE_VECTORS to test/vectors of the repository")
	}
	var file struct {
		Cases []struct {
			ID   int
			Flag string
			Args struct {
				TypeURL string
				Value   runs
			}
			Violations []violation
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, each := range file.Cases {
		if each.Flag != "Valid" && each.Flag != "Rule" {
			continue
		}
		kind, err := protoregistry.GlobalTypes.FindMessageByURL(each.Args.TypeURL)
		if err != nil {
			t.Fatal(err)
		}
		args := kind.New().Interface()
		if err := proto.Unmarshal(each.Args.Value, args); err != nil {
			t.Fatal(err)
		}
		checked++
		if found := violationsOf(t, args); !slices.Equal(sorted(found), sorted(each.Violations)) {
			t.Errorf("arguments %d: found %v, not %v", each.ID, found, each.Violations)
		}
	}
	if checked == 0 {
		t.Error("no case was checked")
	}
}

func violationsOf(t *testing.T, args proto.Message) []violation {
	t.Helper()
	err := protovalidate.Validate(args)
	var broken *protovalidate.ValidationError
	if err != nil && !errors.As(err, &broken) {
		t.Fatal(err)
	}
	var found []violation
	if broken != nil {
		for _, each := range broken.Violations {
			found = append(found, violation{protovalidate.FieldPathString(each.Proto.GetField()), each.Proto.GetRuleId()})
		}
	}
	return found
}

func sorted(violations []violation) []violation {
	return slices.SortedFunc(slices.Values(violations), func(one, other violation) int {
		return bytes.Compare([]byte(one.Field+" "+one.RuleID), []byte(other.Field+" "+other.RuleID))
	})
}

package sealwire

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	demov1 "sealwire.dev/sealwire/gen/sealwire/demo/v1"
	systemv1 "sealwire.dev/sealwire/gen/sealwire/system/v1"
	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

func checkDefinitions(t *testing.T, _ subject) ([]string, int) {
	var file struct {
		Imports hexBytes
		Cases   []struct {
			ID            int
			Flag, Method  string
			DescriptorSet hexBytes
			Parts         struct{ Name string }
			Digest        string
		}
	}
	readVectors(t, "definitions", &file)
	all := &tally{}
	flags := map[string]string{}
	for _, each := range file.Cases {
		tool := &systemv1.ToolDescription{Name: each.Parts.Name, Method: each.Method}
		digest, err := DefinitionDigest(tool, slices.Concat(file.Imports, each.DescriptorSet))
		flag := each.Flag
		if flag != "Same" {
			flag = fmt.Sprint(each.ID)
		}
		known, seen := flags[digest]
		flags[digest] = flag
		all.check(each.ID, map[string]bool{"digest": err == nil && digest == each.Digest, "flag": !seen || known == flag})
	}
	return all.wrong, all.checked
}

// demoContract returns the descriptors of the demo tools, after a change.
func demoContract(t *testing.T, change func(*descriptorpb.FileDescriptorSet)) []byte {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	var add func(protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		for index := range file.Imports().Len() {
			add(file.Imports().Get(index))
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
	}
	add(demov1.File_sealwire_demo_v1_demo_tool_service_proto)
	if change != nil {
		change(set)
	}
	encoded, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// renamed changes the name of a field of the arguments.
func renamed(set *descriptorpb.FileDescriptorSet) {
	for _, file := range set.File {
		if strings.HasSuffix(file.GetName(), "batch_sum.proto") {
			file.MessageType[0].Field[0].Name = proto.String("secrets")
		}
	}
}

var batchSum = &systemv1.ToolDescription{
	Name: "batch_sum", Method: "sealwire.demo.v1.DemoToolService.BatchSum",
	RequestType: "sealwire.demo.v1.BatchSumRequest", ResponseType: "sealwire.demo.v1.BatchSumResponse",
}

func digestIn(t *testing.T, descriptorSet []byte) string {
	t.Helper()
	digest, err := DefinitionDigest(batchSum, descriptorSet)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// lists makes a peer list batch_sum alone, with these descriptors, stating this digest.
func (p *testPeer) lists(descriptorSet []byte, stated string) {
	listed := proto.CloneOf(batchSum)
	listed.DefinitionDigest = stated
	p.list = func(c *call) *sealwirev1.Response {
		return c.ok(&systemv1.ListToolsResponse{Tools: []*systemv1.ToolDescription{listed}, DescriptorSet: descriptorSet})
	}
}

func TestTheAcceptedDefinitionIsSentToAServerThatStatesOne(t *testing.T) {
	contract := demoContract(t, nil)
	accepted := digestIn(t, contract)
	for _, stated := range []string{accepted, ""} {
		p := startPeer(t, sums)
		p.lists(contract, stated)
		client := p.client(t, WithPins(map[string]string{"batch_sum": accepted}))
		if _, err := sum(client); err != nil {
			t.Fatal(err)
		}
		if err := client.Call(context.Background(), "batch_sum", numbers, &demov1.BatchSumResponse{}); err != nil {
			t.Fatal(err)
		}
		for _, each := range p.seen("batch_sum") {
			if each.DefinitionDigest != stated {
				t.Errorf("%q was sent, not %q", each.DefinitionDigest, stated)
			}
		}
	}
}

func TestAToolThatHasChangedIsNotCalledWhateverTheServerStates(t *testing.T) {
	accepted, changed := digestIn(t, demoContract(t, nil)), demoContract(t, renamed)
	for _, stated := range []string{"", accepted, digestIn(t, changed)} {
		p := startPeer(t, sums)
		p.lists(changed, stated)
		_, err := sum(p.client(t, WithPins(map[string]string{"batch_sum": accepted})))
		if ReasonOf(err) != "TOOL_CHANGED" || status.Code(err) != codes.FailedPrecondition || len(p.seen("batch_sum")) > 0 {
			t.Error(err, len(p.seen("batch_sum")))
		}
		if ErrorOf(err).GetReason() != sealwirev1.ErrorReason_ERROR_REASON_TOOL_CHANGED {
			t.Error(ErrorOf(err))
		}
	}
}

func TestAListThatStatesAnotherDigestThanItsContractIsNotUsed(t *testing.T) {
	contract := demoContract(t, nil)
	p := startPeer(t, sums)
	p.lists(contract, digestIn(t, demoContract(t, renamed)))
	_, err := sum(p.client(t, WithPins(map[string]string{"batch_sum": digestIn(t, contract)})))
	if ReasonOf(err) != reasonInvalid || len(p.seen("batch_sum")) > 0 {
		t.Error(err)
	}
}

func TestACallMayNameTheAcceptedDefinitionItself(t *testing.T) {
	contract := demoContract(t, nil)
	accepted, other := digestIn(t, contract), digestIn(t, demoContract(t, renamed))
	p := startPeer(t, sums)
	p.lists(contract, accepted)
	client := p.client(t)
	// The contract without descriptors is known and recent.
	if _, err := sum(client); err != nil {
		t.Fatal(err)
	}
	for digest, reason := range map[string]string{accepted: "", other: "TOOL_CHANGED", "ABC": "ENVELOPE_INVALID"} {
		ctx := WithDefinitionDigest(context.Background(), digest)
		_, err := demov1.NewDemoToolServiceClient(client).BatchSum(ctx, numbers)
		byName := client.Call(ctx, "batch_sum", numbers, &demov1.BatchSumResponse{})
		if ReasonOf(err) != reason || ReasonOf(byName) != reason {
			t.Error(digest, err, byName)
		}
	}
	if seen := p.seen("batch_sum"); len(seen) != 3 || seen[0].DefinitionDigest != "" || seen[2].DefinitionDigest != accepted {
		t.Error(seen)
	}
}

func TestOtherToolsAndSystemToolsAreNotChecked(t *testing.T) {
	contract := demoContract(t, nil)
	p := startPeer(t, sums)
	p.lists(contract, digestIn(t, contract))
	none := strings.Repeat("0", 64)
	client := p.client(t, WithPins(map[string]string{"list_tools": none, "absent": none}))
	if _, err := sum(client); err != nil {
		t.Error(err)
	}
	if _, err := client.Tools(context.Background()); err != nil {
		t.Error(err)
	}
	if err := client.Call(context.Background(), "absent", numbers, &demov1.BatchSumResponse{}); ReasonOf(err) != "TOOL_FORBIDDEN" {
		t.Error(err)
	}
	if len(p.seen("absent")) > 0 || p.seen("batch_sum")[0].DefinitionDigest != "" {
		t.Error("a digest was sent, or a pinned tool that is not listed was called")
	}
}

func TestARefusedDefinitionIsNotTriedAgain(t *testing.T) {
	contract := demoContract(t, nil)
	accepted := digestIn(t, contract)
	for reason, told := range map[sealwirev1.ErrorReason]string{
		sealwirev1.ErrorReason_ERROR_REASON_TOOL_CHANGED:     "refused in a test",
		sealwirev1.ErrorReason_ERROR_REASON_ENVELOPE_INVALID: "servers of 0.1",
	} {
		p := startPeer(t, func(c *call) (*sealwirev1.Response, error) {
			return nil, c.refuse(refusal(codes.FailedPrecondition, reason))
		})
		p.lists(contract, accepted)
		_, err := sum(p.client(t, fast, WithPins(map[string]string{"batch_sum": accepted})))
		if ReasonOf(err) != reasonName(reason) || status.Code(err) != codes.FailedPrecondition || len(p.seen("batch_sum")) != 1 {
			t.Error(err)
		}
		if !strings.Contains(err.Error(), told) || !strings.Contains(ErrorOf(err).GetMessage(), told) {
			t.Error(err)
		}
	}
}

func TestAPinThatIsNoDigestIsNamed(t *testing.T) {
	for _, digest := range []string{"", "ab", strings.Repeat("A", 64), strings.Repeat("a", 64) + "\n"} {
		_, err := NewClientFrom(newCredentials(t), WithPins(map[string]string{"batch_sum": digest}))
		if err == nil || !strings.Contains(err.Error(), `"batch_sum"`) {
			t.Error(digest, err)
		}
	}
}

func TestDescriptorsThatCannotBeUsedHaveNoDigest(t *testing.T) {
	twice := func(name string) func(*descriptorpb.FileDescriptorSet) {
		return func(set *descriptorpb.FileDescriptorSet) {
			again := proto.CloneOf(set.File[len(set.File)-1])
			if name != "" {
				again.Name = proto.String(name)
			}
			set.File = append(set.File, again)
		}
	}
	broken := [][]byte{{0x0a}, {0x0a, 0x05, 'a'}, {0x0b}, demoContract(t, twice("")), demoContract(t, twice("other.proto")), nil}
	for _, each := range broken {
		if digest, err := DefinitionDigest(batchSum, each); err == nil {
			t.Errorf("%x has the digest %s", each[:min(len(each), 4)], digest)
		}
	}
}

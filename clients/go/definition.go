package sealwire

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	systemv1 "sealwire.dev/sealwire/gen/sealwire/system/v1"
	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// Numbers of fields of a MethodDescriptorProto and of its options.
const (
	methodInput      = 2
	methodOutput     = 3
	methodOptions    = 4
	idempotencyLevel = 34
)

// fixedTypes have a JSON form that the specification fixes. They are the same in every contract.
var fixedTypes = map[string]bool{}

func init() {
	names := "Any Timestamp Duration FieldMask Empty Struct Value ListValue NullValue " +
		"BoolValue BytesValue DoubleValue FloatValue Int32Value Int64Value StringValue UInt32Value UInt64Value"
	for _, name := range strings.Fields(names) {
		fixedTypes["google.protobuf."+name] = true
	}
}

// DefinitionDigest computes the digest of a tool's definition, 64 hex digits, from a verified answer of list_tools with
// descriptors (docs/protocol.md, Tool definitions). It changes when anything changes that a model is shown of the tool,
// comments included. Only the name and the method of the tool are used, and not what the server states as its digest: a
// server that changes a tool may state the earlier one.
//
//	listed, err := systemv1.NewSystemToolServiceClient(client).ListTools(ctx, &systemv1.ListToolsRequest{IncludeDescriptors: true})
//	digest, err := sealwire.DefinitionDigest(listed.Tools[0], listed.DescriptorSet)
func DefinitionDigest(tool *systemv1.ToolDescription, descriptorSet []byte) (string, error) {
	declared, err := readDeclarations(descriptorSet)
	if err != nil {
		return "", fmt.Errorf("sealwire: the descriptors cannot be used: %w", err)
	}
	digest, err := declared.definitionDigest(tool.GetName(), tool.GetMethod())
	if err != nil {
		return "", fmt.Errorf("sealwire: %w", err)
	}
	return digest, nil
}

func (d *declarations) definitionDigest(name, path string) (string, error) {
	method := d.methods[path]
	if method == nil {
		return "", fmt.Errorf("there is no descriptor of the method %q", path)
	}
	fields, err := wireFields(method.bytes)
	if err != nil {
		return "", err
	}
	options, err := wireFields(fields.message(methodOptions))
	if err != nil {
		return "", err
	}
	hints := &sealwirev1.ToolOptions{}
	if err := proto.Unmarshal(options.message(sealwirev1.E_Tool.TypeDescriptor().Number()), hints); err != nil {
		return "", fmt.Errorf("the options of %s do not decode: %w", path, err)
	}
	kind := "call"
	if options.has(sealwirev1.E_Job.TypeDescriptor().Number()) {
		kind = "job"
	}
	effect := ""
	if levels := options.varints(idempotencyLevel); len(levels) > 0 {
		effect = map[uint64]string{1: "read_only", 2: "idempotent"}[levels[len(levels)-1]]
	}
	request := strings.TrimPrefix(fields.text(methodInput), ".")
	response := strings.TrimPrefix(fields.text(methodOutput), ".")
	parts := texts("definition", name, hints.Title, method.comment, path, request, response, kind, effect,
		//lint:ignore SA1019 the earlier field counts where it is true
		hintText(hints.DestructiveHint, hints.Destructive),
		//lint:ignore SA1019 the earlier field counts where it is true
		hintText(hints.OpenWorldHint, hints.OpenWorld),
		hints.InputSchema, hints.OutputSchema)
	types, err := d.closure(request, response)
	if err != nil {
		return "", err
	}
	for _, each := range types {
		parts = append(parts, PAE(append([][]byte{[]byte(each.name), each.declaration}, texts(each.comments...)...)...))
	}
	digest := sha256.Sum256(PAE(parts...))
	return hex.EncodeToString(digest[:]), nil
}

// closure returns the types that the roots use, directly or not, sorted by name.
func (d *declarations) closure(roots ...string) ([]*declaredType, error) {
	seen := map[string]bool{}
	var found []*declaredType
	for waiting := roots; len(waiting) > 0; {
		name := waiting[0]
		waiting = waiting[1:]
		if seen[name] || fixedTypes[name] {
			continue
		}
		seen[name] = true
		declared, err := d.find(name)
		if err != nil {
			return nil, err
		}
		if declared != nil {
			found = append(found, declared)
			waiting = append(waiting, declared.uses...)
		}
	}
	slices.SortFunc(found, func(one, other *declaredType) int { return strings.Compare(one.name, other.name) })
	return found, nil
}

// hintText returns a hint as text. earlier is the deprecated field.
func hintText(stated *bool, earlier bool) string {
	switch {
	case stated != nil:
		return strconv.FormatBool(*stated)
	case earlier:
		return "true"
	}
	return ""
}

func texts(values ...string) [][]byte {
	made := make([][]byte, len(values))
	for index, value := range values {
		made[index] = []byte(value)
	}
	return made
}

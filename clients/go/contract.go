package sealwire

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"

	systemv1 "sealwire.dev/sealwire/gen/sealwire/system/v1"
)

const systemService = "sealwire.system.v1.SystemToolService"

// tool is a tool of the contract, and the gRPC method behind it.
type tool struct {
	name       string
	path       string
	argsType   protoreflect.FullName
	argsURL    string
	resultType protoreflect.FullName
	isJob      bool
	// isWatch is true for the two system tools that answer with a stream.
	isWatch bool
	// repeatable is true if a call that is executed twice does no harm. Never true of a job.
	repeatable bool
	// definition computes the digest of its definition; nil for a system tool.
	definition func() (string, error)
	// statedDigest is the digest that the server states; empty from servers of 0.1.
	statedDigest string
}

// contract is the tools that the server offers to the key, from a verified answer of list_tools.
type contract struct {
	// byPath has the tools by gRPC path, "/package.Service/Method".
	byPath map[string]*tool
	byName map[string]*tool
	// hasDescriptors is true if definitions can be computed.
	hasDescriptors bool
}

// systemTools are those that every server has. They need no list_tools.
var systemTools = readContract(&systemv1.ListToolsResponse{Tools: []*systemv1.ToolDescription{
	systemTool("server_identity", "ServerIdentity"), systemTool("list_tools", "ListTools"),
	systemTool("poll_job", "PollJob"), systemTool("watch_job", "WatchJob"), systemTool("watch_jobs", "WatchJobs"),
	systemTool("cancel_job", "CancelJob"), systemTool("list_jobs", "ListJobs"),
}})

func systemTool(name, method string) *systemv1.ToolDescription {
	message := "sealwire.system.v1." + method
	return &systemv1.ToolDescription{
		Name: name, Method: systemService + "." + method, Idempotent: true,
		RequestType: message + "Request", ResponseType: message + "Response",
	}
}

func readContract(listed *systemv1.ListToolsResponse) *contract {
	read := &contract{byPath: map[string]*tool{}, byName: map[string]*tool{}, hasDescriptors: len(listed.DescriptorSet) > 0}
	declared := sync.OnceValues(func() (*declarations, error) { return readDeclarations(listed.DescriptorSet) })
	for _, each := range listed.Tools {
		at := strings.LastIndex(each.Method, ".")
		if at < 0 {
			continue
		}
		described := &tool{
			name:       each.Name,
			path:       "/" + each.Method[:at] + "/" + each.Method[at+1:],
			argsType:   protoreflect.FullName(each.RequestType),
			argsURL:    typeURLPrefix + each.RequestType,
			resultType: protoreflect.FullName(each.ResponseType),
			isJob:      each.Job != nil,
			isWatch:    each.Name == "watch_job" || each.Name == "watch_jobs",
			repeatable: each.Idempotent && each.Job == nil,

			statedDigest: each.DefinitionDigest,
		}
		if !strings.HasPrefix(each.Method, systemService+".") {
			described.definition = sync.OnceValues(func() (string, error) {
				found, err := declared()
				if err != nil {
					return "", err
				}
				return found.definitionDigest(each.Name, each.Method)
			})
		}
		read.byPath[described.path] = described
		read.byName[described.name] = described
	}
	return read
}

// notOffered returns the error for a method that is no tool. It names the tools that there are.
func (c *contract) notOffered(path string) error {
	const longest = 100
	var paths []string
	for each := range c.byPath {
		paths = append(paths, each[1:])
	}
	isSystem := func(path string) bool { return strings.HasPrefix(path, systemService) }
	slices.SortFunc(paths, func(one, other string) int {
		if isSystem(one) != isSystem(other) {
			if isSystem(one) {
				return 1
			}
			return -1
		}
		return strings.Compare(one, other)
	})
	given := strings.TrimPrefix(path, "/")
	return notCalled(codes.Unimplemented, "TOOL_FORBIDDEN", "%s is no tool that you may call; there are: %s",
		given[:min(len(given), longest)], strings.Join(paths, ", "))
}

// wrongMessage returns the error for a stub of another contract.
func wrongMessage(t *tool, what string, given, want protoreflect.FullName) error {
	return notCalled(codes.InvalidArgument, "ARGS_INVALID", "%s",
		fmt.Sprintf("the %s of %s is a %s, and the server's contract has %s; generate the stub from the current contract", what, t.name, given, want))
}

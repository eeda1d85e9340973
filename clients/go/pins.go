package sealwire

import (
	"context"
	"fmt"
	"maps"
	"regexp"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

var definitionDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)

// WithPins accepts one definition only of each of these tools: its [DefinitionDigest] by the name of the tool. A call of
// a tool that has another definition fails with FAILED_PRECONDITION (TOOL_CHANGED) and is not sent, and the server refuses
// a call if the definition has changed since. Other tools and system tools are not checked. Default: none.
func WithPins(digests map[string]string) Option {
	return func(c *config) {
		if c.pins == nil {
			c.pins = map[string]string{}
		}
		maps.Copy(c.pins, digests)
	}
}

type definitionDigestKey struct{}

// WithDefinitionDigest accepts one definition only of the tool that is called with the context: its [DefinitionDigest].
// It is for one call what [WithPins] is for a client, and replaces it.
func WithDefinitionDigest(ctx context.Context, digest string) context.Context {
	return context.WithValue(ctx, definitionDigestKey{}, digest)
}

// pinOf returns the accepted definition of a tool, or "" if any is.
func (c *caller) pinOf(ctx context.Context, tool string) string {
	if given, ok := ctx.Value(definitionDigestKey{}).(string); ok {
		return given
	}
	return c.pins[tool]
}

// checkDefinitionDigest checks the digest in a context. It also decides that the contract is fetched with its descriptors.
func (c *caller) checkDefinitionDigest(ctx context.Context) error {
	given, ok := ctx.Value(definitionDigestKey{}).(string)
	if ok && !definitionDigest.MatchString(given) {
		return notCalled(codes.InvalidArgument, "ENVELOPE_INVALID", "the definition digest must be 64 lower-case hex digits, as DefinitionDigest returns")
	}
	if ok && !c.contracts.withDescriptors.Load() {
		c.contracts.withDescriptors.Store(true)
	}
	return nil
}

// checkPins returns an error that names a pin that is no digest.
func checkPins(pins map[string]string) error {
	for tool, digest := range pins {
		if !definitionDigest.MatchString(digest) {
			return fmt.Errorf("sealwire: the pin of %q is %q; it must be 64 lower-case hex digits, as DefinitionDigest returns", tool, digest)
		}
	}
	return nil
}

// digestToSend returns the digest to send with a call; "" if no definition is pinned, or the server is of 0.1 and does
// not know the field. It fails if the definition is not the pinned one, or the server states another digest than that of
// its contract.
func (t *tool) digestToSend(pin string) (string, *problem) {
	if pin == "" || t.definition == nil {
		return "", nil
	}
	digest, err := t.definition()
	if err != nil {
		return "", notBegun(invalidAnswer(fmt.Sprintf("the definition of %s cannot be read from the list of tools: %v", t.name, err)))
	}
	if digest != pin {
		return "", notBegun(problemOf(ownError(codes.FailedPrecondition, sealwirev1.ErrorReason_ERROR_REASON_TOOL_CHANGED, fmt.Sprintf(
			"the definition of %s is %s, not the accepted %s; the call was not sent; look at what changed before you accept it", t.name, digest, pin))))
	}
	if t.statedDigest != "" && t.statedDigest != digest {
		return "", notBegun(invalidAnswer(fmt.Sprintf("the server states the definition digest %s of %s, but its contract gives %s", t.statedDigest, t.name, digest)))
	}
	return t.statedDigest, nil
}

// notListed returns the error for a pinned tool that the server does not list.
func notListed(tool string) error {
	return notCalled(codes.PermissionDenied, "TOOL_FORBIDDEN", "the server lists no tool %q", tool)
}

func notBegun(p *problem) *problem {
	p.notBegun = true
	return p
}

// explainRefusedEnvelope says of a refused envelope that the definition digest may be the cause: servers of 0.1 do not
// know it.
func explainRefusedEnvelope(p *problem, r *request) *problem {
	if p.reason != "ENVELOPE_INVALID" || r.definitionDigest == "" || p.wire == nil {
		return p
	}
	explained := proto.CloneOf(p.wire)
	explained.Message += "; the call names a definition_digest, which servers of 0.1 refuse, so upgrade all servers of this address"
	made := problemOf(explained)
	made.notBegun = p.notBegun
	return made
}

package sealwire

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

// The metadata of calls (docs/proxy.md, Metadata).
const (
	requestIDKey       = "sealwire-request-id"
	jobIDKey           = "sealwire-job-id"
	cancelOnAbandonKey = "sealwire-cancel-on-abandon"
	traceparentKey     = "traceparent"
	tracestateKey      = "tracestate"
)

// The forms of a W3C trace context.
var (
	traceparent = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
	tracestate  = regexp.MustCompile(`^[ -~]{1,512}$`)
)

// WithRequestID names the intent of the calls that are made with the context: calls with the same request id are carried
// out once and get the same outcome. 1 to 128 printable ASCII characters without spaces. Without it each call has a new
// UUID. Store the id before the call to survive a crash of the client. It sets the metadata sealwire-request-id, which may
// be set directly, too.
func WithRequestID(ctx context.Context, id string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, requestIDKey, id)
}

// WithCancelOnAbandon cancels the job of a call that is made with the context if the context ends before the job does.
// By default only the waiting ends. It sets the metadata sealwire-cancel-on-abandon.
func WithCancelOnAbandon(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, cancelOnAbandonKey, "true")
}

// callIntent is what a caller says about its call in the metadata.
type callIntent struct {
	requestID       string
	cancelOnAbandon bool
	// trace is the W3C trace context; nil if there is none.
	trace metadata.MD
}

func readIntent(ctx context.Context) (callIntent, error) {
	sent, ok := metadata.FromOutgoingContext(ctx)
	if !ok {
		return callIntent{requestID: newRequestID()}, nil
	}
	intent := callIntent{}
	id, given, err := readOne(sent, requestIDKey)
	switch {
	case err != nil:
		return intent, err
	case !given:
		id = newRequestID()
	case !identifier.MatchString(id):
		return intent, invalidMetadata(requestIDKey, "must be 1 to 128 printable ASCII characters without spaces")
	}
	cancel, given, err := readOne(sent, cancelOnAbandonKey)
	if err == nil && given && cancel != "true" && cancel != "false" {
		err = invalidMetadata(cancelOnAbandonKey, `must be "true" or "false"`)
	}
	return callIntent{requestID: id, cancelOnAbandon: cancel == "true", trace: readTrace(sent)}, err
}

func readTrace(sent metadata.MD) metadata.MD {
	parents := sent[traceparentKey]
	if len(parents) != 1 || !traceparent.MatchString(parents[0]) {
		return nil
	}
	trace := metadata.MD{traceparentKey: parents}
	if state := strings.Join(sent[tracestateKey], ","); tracestate.MatchString(state) {
		trace[tracestateKey] = []string{state}
	}
	return trace
}

func readOne(sent metadata.MD, key string) (string, bool, error) {
	switch values := sent[key]; len(values) {
	case 0:
		return "", false, nil
	case 1:
		return values[0], true, nil
	default:
		return "", false, invalidMetadata(key, "is set more than once; set it once")
	}
}

func invalidMetadata(key, problem string) error {
	return notCalled(codes.InvalidArgument, "ENVELOPE_INVALID", "the metadata %s %s", key, problem)
}

// answerMetadata returns the metadata of an answer.
func answerMetadata(requestID, jobID string) metadata.MD {
	answer := metadata.MD{requestIDKey: {requestID}}
	if jobID != "" {
		answer[jobIDKey] = []string{jobID}
	}
	return answer
}

// attemptContext returns a context with the metadata of a signed call: nothing of the caller's but its trace context.
func attemptContext(ctx context.Context, trace metadata.MD) context.Context {
	if trace != nil {
		return metadata.NewOutgoingContext(ctx, trace)
	}
	if _, ok := metadata.FromOutgoingContext(ctx); ok {
		return metadata.NewOutgoingContext(ctx, nil)
	}
	return ctx
}

// newRequestID returns a random UUID.
func newRequestID() string {
	var id [16]byte
	rand.Read(id[:])
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[:8], id[:4])
	text[8] = '-'
	hex.Encode(text[9:13], id[4:6])
	text[13] = '-'
	hex.Encode(text[14:18], id[6:8])
	text[18] = '-'
	hex.Encode(text[19:23], id[8:10])
	text[23] = '-'
	hex.Encode(text[24:], id[10:])
	return string(text[:])
}

package main

import (
	"context"
	"strconv"
	"time"

	"google.golang.org/grpc/metadata"
)

// Call is what the metadata says about a call. In JSON, what was not sent is left out.
type Call struct {
	Method      string `json:"method"`
	Client      string `json:"client,omitempty"`
	Request     string `json:"request,omitempty"`
	Tool        string `json:"tool,omitempty"`
	Server      string `json:"server,omitempty"`
	Job         string `json:"job,omitempty"`
	Attempt     *int   `json:"attempt,omitempty"`
	Key         string `json:"key,omitempty"`
	Traceparent string `json:"traceparent,omitempty"`
	DeadlineMS  *int64 `json:"deadline_ms,omitempty"`
	Assertion   string `json:"-"`
}

// CallOf reads the metadata of a call of this method.
func CallOf(ctx context.Context, method string) Call {
	value := func(name string) string {
		values := metadata.ValueFromIncomingContext(ctx, name)
		if len(values) == 0 {
			return ""
		}
		return values[len(values)-1]
	}
	call := Call{
		Method:      method,
		Client:      value("sealwire-client-id"),
		Request:     value("sealwire-request-id"),
		Tool:        value("sealwire-tool"),
		Server:      value("sealwire-server-id"),
		Job:         value("sealwire-job-id"),
		Key:         value("sealwire-idempotency-key"),
		Traceparent: value("traceparent"),
		Assertion:   value("sealwire-assertion"),
	}
	if attempt, err := strconv.Atoi(value("sealwire-attempt")); err == nil {
		call.Attempt = &attempt
	}
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline).Milliseconds()
		call.DeadlineMS = &left
	}
	return call
}

package sealwire

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// caller signs, sends and verifies. One caller may serve several connections to the same server.
type caller struct {
	config
	source CredentialsSource
	// clockOffsetMs is the server's clock minus this one.
	clockOffsetMs atomic.Int64
	contracts     contractCache
	// refused is why the transport refuses every connection, if it does.
	refused *atomic.Pointer[string]
	// distrusts is true while the certificate of a server is not accepted.
	distrusts atomic.Bool
	// alternatives is the number of servers beside the one that was asked.
	alternatives int
	// cancellations are of abandoned jobs, and go on after their calls.
	cancellations background
}

func newCaller(cfg config, source CredentialsSource) *caller {
	c := &caller{config: cfg, source: source, refused: &atomic.Pointer[string]{}}
	setDefault(&c.address, source.Current().Address)
	c.contracts.withDescriptors.Store(len(cfg.pins) > 0)
	c.alternatives = len(splitAddresses(c.address)) - 1
	return c
}

// timeLimit is the time of a call: that of the caller's context, and at most the client's time-out.
type timeLimit struct {
	context.Context
	caller  context.Context
	timeout time.Duration
}

func (c *caller) limit(ctx context.Context) (*timeLimit, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= c.timeout {
		return &timeLimit{ctx, ctx, c.timeout}, func() {}
	}
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	return &timeLimit{bounded, ctx, c.timeout}, cancel
}

// remaining returns the time left; forever without a deadline.
func remaining(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return max(0, time.Until(deadline))
	}
	return forever
}

// call sends a request until there is a verified answer, whether ok or not.
func (c *caller) call(limit *timeLimit, conn connection, r *request, options *callOptions) (*sealwirev1.Response, *problem) {
	tries := &retries{Retry: c.retry}
	var last *failure
	for renewals := 0; ; {
		if limit.Err() != nil {
			return nil, limit.ended(r, tries, last)
		}
		a := c.sign(CallMethod, r)
		response, f := c.send(limit, conn, a, r, options)
		if f == nil {
			return response, nil
		}
		last = f
		if renewals < renewalsMax && f.isRefused() && limit.Err() == nil && c.source.Renew(a.credentials) {
			renewals++
			tries.note(f)
			continue
		}
		if f.isTimeUp(limit) {
			return nil, limit.ended(r, tries, f)
		}
		delay, again := tries.delayAfter(f, situation{
			correctClock: func() bool { return c.adoptServerTime(a, f.refusal) },
			alternatives: c.alternatives,
			remaining:    remaining(limit),
		})
		if !again || !tries.allows(f) || delay >= remaining(limit) {
			return nil, explainRefusedEnvelope(tries.final(f), r)
		}
		c.debug("retry", r, f, delay)
		sleep(limit, delay)
	}
}

// isTimeUp reports whether the time is up. What the deadline has caused may arrive shortly before it.
func (f *failure) isTimeUp(ctx context.Context) bool {
	isUnsigned := f.refusal == nil && !f.forged
	if ctx.Err() == nil && remaining(ctx) < leastLeft && (isUnsigned || f.code == codes.DeadlineExceeded || f.code == codes.Canceled) {
		<-ctx.Done()
	}
	return ctx.Err() != nil
}

// ended returns the problem of a call whose time is up, or that was cancelled.
func (l *timeLimit) ended(r *request, tries *retries, last *failure) *problem {
	known := tries.finalInTime(last)
	if err := l.caller.Err(); err != nil {
		switch {
		case last == nil:
			return endedBy(err, "the call has not begun")
		case known != nil:
			return endedBy(err, known.message)
		}
		return endedBy(err, r.isOpen())
	}
	if known != nil {
		return known
	}
	message := fmt.Sprintf("no verified answer within %v; %s", l.timeout, r.isOpen())
	return problemOf(ownError(codes.DeadlineExceeded, sealwirev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED, message))
}

// isOpen says what a caller can do that does not know what has become of its call.
func (r *request) isOpen() string {
	return fmt.Sprintf("the outcome of %s is unknown, repeat it under the same request id %s", r.tool, r.requestID)
}

// endedBy returns the problem of a call whose context has ended. what says what has become of it.
func endedBy(err error, what string) *problem {
	e := ownError(codes.Canceled, sealwirev1.ErrorReason_ERROR_REASON_CANCELLED, "the call was cancelled; "+what)
	if errors.Is(err, context.DeadlineExceeded) {
		e = ownError(codes.DeadlineExceeded, sealwirev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED, "the deadline of the call has passed; "+what)
	}
	p := problemOf(e)
	p.ended = true
	return p
}

func (c *caller) debug(what string, r *request, f *failure, delay time.Duration) {
	if c.logger != nil {
		c.logger.Debug(what, "tool", r.tool, "request_id", r.requestID, "reason", f.reason, "delay", delay, "cause", f.message)
	}
}

// sleep waits for the delay or the end of the context.
func sleep(ctx context.Context, delay time.Duration) {
	if delay <= 0 {
		return
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

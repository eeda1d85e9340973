package sealwire

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// silentIntervals is the number of heartbeat intervals without a message after which a stream counts as dead.
const silentIntervals = 2.5

// watched is the target of a watch. It keeps its position, so that the next stream resumes there.
type watched[T any] interface {
	// next returns the arguments for the next stream. wasCut is true if the one before ended with OK too early.
	next(isFirst, wasCut bool) []byte
	// read reads a verified message. The error is a *problem if it contradicts an earlier one.
	read(*sealwirev1.Response) (update[T], *problem)
	// goesOn says what the end of the watch does not end.
	goesOn() string
}

// update is the content of one verified message of a watch.
type update[T any] struct {
	items []T
	// isNews is false for a heartbeat.
	isNews bool
	// isOver is true of the last message.
	isOver bool
}

// watch runs over one or more streams with the same request id. A stream that breaks, becomes silent or is cut is resumed
// with a new signature. All work is done in recv, by the goroutine that calls it.
type watch[T any] struct {
	*caller
	ctx     context.Context
	conn    connection
	tool    *tool
	request request
	target  watched[T]
	options *callOptions

	stream       *watchStream
	isFirst      bool
	wasCut       bool
	isOver       bool
	pending      []T
	tries        *retries
	lastVerified time.Time
	renewals     int
}

// newWatch makes a watch of a system tool. isKnown is true if the server has confirmed the target before: an unreachable
// server then counts as restarting from the first stream on.
func newWatch[T any](ctx context.Context, c *caller, conn connection, name string, target watched[T], options *callOptions, isKnown bool) *watch[T] {
	t := systemTools.byName[name]
	w := &watch[T]{
		caller: c, ctx: ctx, conn: conn, tool: t, target: target, options: options, isFirst: true,
		request: request{tool: name, argsURL: t.argsURL, resultType: t.resultType, requestID: newRequestID()},
		tries:   &retries{Retry: c.retry},
	}
	if isKnown {
		w.lastVerified = time.Now()
	}
	return w
}

// recv returns the next item, or io.EOF after the last one. Every other error is a *problem.
func (w *watch[T]) recv() (T, error) {
	var none T
	for {
		// A cancelled context ends the watch even while messages are waiting.
		if err := w.ctx.Err(); err != nil {
			w.close()
			return none, endedBy(err, w.target.goesOn())
		}
		if len(w.pending) > 0 {
			item := w.pending[0]
			w.pending = w.pending[1:]
			return item, nil
		}
		if w.isOver {
			w.close()
			return none, io.EOF
		}
		if err := w.advance(); err != nil {
			w.close()
			return none, err
		}
	}
}

// advance reads one message, or deals with the end of a stream.
func (w *watch[T]) advance() error {
	if w.stream == nil {
		w.request.args = w.target.next(w.isFirst, w.wasCut)
		w.isFirst, w.wasCut = false, false
		w.stream = w.open(w.ctx, w.conn, &w.request, w.options)
	}
	response, f := w.stream.recv(time.Duration(silentIntervals * float64(w.heartbeat)))
	if f == nil {
		return w.take(response)
	}
	a := w.stream.attempt
	w.wasCut = f.cut
	w.close()
	if w.renewals < renewalsMax && f.isRefused() && w.ctx.Err() == nil && w.source.Renew(a.credentials) {
		w.renewals++
		return nil
	}
	if f.isTimeUp(w.ctx) {
		return nil // recv says so.
	}
	delay, again := w.tries.delayAfter(f, situation{
		correctClock: func() bool { return w.adoptServerTime(a, f.refusal) },
		alternatives: w.alternatives,
		remaining:    remaining(w.ctx),
	})
	if !again || !w.mayResume(f) || delay >= remaining(w.ctx) {
		return w.tries.final(f)
	}
	w.debug("watch resumes", &w.request, f, delay)
	sleep(w.ctx, delay)
	return nil
}

func (w *watch[T]) take(response *sealwirev1.Response) error {
	update, invalid := w.target.read(response)
	if invalid != nil {
		return invalid
	}
	w.lastVerified = time.Now()
	w.renewals = 0
	if update.isNews {
		w.tries.reset()
	}
	w.pending, w.isOver = update.items, update.isOver
	return nil
}

// mayResume applies the limits of a call before the first verified message, and then resumeFor.
func (w *watch[T]) mayResume(f *failure) bool {
	switch {
	case f.tellsDelay():
		return true
	case w.lastVerified.IsZero():
		return w.tries.attemptsLeft()
	default:
		return time.Since(w.lastVerified) < w.resumeFor
	}
}

// close ends the open stream. The watch may be used no more, unless to resume it.
func (w *watch[T]) close() {
	if w.stream != nil {
		w.stream.cancel()
		w.stream = nil
	}
}

// watchStream is one stream of a watch.
type watchStream struct {
	caller   *caller
	conn     connection
	attempt  *attempt
	expected Expected
	// options has a peer of its own, which gRPC may set after the stream was left.
	options *callOptions
	stream  grpc.ClientStream
	cancel  context.CancelFunc
	err     error
}

// open opens a stream. Its errors are those of the first recv.
func (c *caller) open(ctx context.Context, conn connection, r *request, options *callOptions) *watchStream {
	a := c.sign(WatchJobMethod, r)
	ctx, cancel := context.WithCancel(attemptContext(ctx, r.trace))
	w := &watchStream{
		caller: c, conn: conn, attempt: a, options: options.clone(), cancel: cancel,
		expected: Expected{RequestID: r.requestID, RequestSignature: a.signature, ResultType: r.resultType},
	}
	desc := &grpc.StreamDesc{StreamName: "WatchJob", ServerStreams: true}
	if w.stream, w.err = conn.NewStream(ctx, desc, WatchJobMethod, w.options.forAttempt()...); w.err != nil {
		return w
	}
	// The first receive reports errors of sending with their status.
	_ = w.stream.SendMsg(&a.frame)
	_ = w.stream.CloseSend()
	return w
}

// recv returns the next verified message.
func (w *watchStream) recv(silence time.Duration) (*sealwirev1.Response, *failure) {
	w.expected.Sequence++
	var wire []byte
	if w.err == nil {
		timer := time.AfterFunc(silence, w.cancel)
		w.err = w.stream.RecvMsg(&wire)
		if !timer.Stop() && w.err != nil && w.stream.Context().Err() != nil {
			return nil, interrupted("the watch received no message or heartbeat in time", false)
		}
	}
	switch {
	case w.err == nil:
		return w.attempt.readMessage(wire, &w.expected)
	case errors.Is(w.err, io.EOF):
		return nil, interrupted("the stream of the watch ended early", true)
	}
	response, f := w.attempt.readFailure(w.err, &w.expected)
	if f == nil {
		f = refused(response)
	}
	w.caller.locate(w.conn, f, w.options.reached())
	if f.refusal == nil {
		// A watch changes nothing on the server and cannot have ended it, so it is resumed without the delay after a loss.
		f.unsent = true
	}
	return nil, f
}

func interrupted(message string, cut bool) *failure {
	return &failure{reason: reasonUnreachable, code: codes.Unavailable, message: message, unsent: true, cut: cut}
}

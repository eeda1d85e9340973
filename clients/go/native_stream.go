package sealwire

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// nativeStream is the grpc.ClientStream of a method that streams its answers. All work is done by the goroutines that call
// it, so an abandoned stream leaves nothing but what its context holds.
type nativeStream struct {
	*nativeCall
	ctx    context.Context
	cancel context.CancelFunc
	once   sync.Once
	// begun is closed when the request was sent, or cannot be.
	begun    chan struct{}
	messages messages
	// err is how the stream ended; io.EOF after the last message.
	err error
}

// messages are the answers of a stream. recv returns io.EOF after the last one.
type messages interface {
	recv(into proto.Message) error
	close()
}

// stream makes the stream of a stub.
func (c *caller) stream(ctx context.Context, conn connection, desc *grpc.StreamDesc, path string, given []grpc.CallOption) (grpc.ClientStream, error) {
	t, err := c.findPath(ctx, conn, path)
	if err != nil {
		return nil, err
	}
	if desc.ClientStreams {
		return nil, notStreamed(path, "is called as a stream of requests, and a tool takes one request message")
	}
	n, err := c.begin(ctx, conn, t, sortOptions(given))
	if err != nil {
		return nil, err
	}
	s := &nativeStream{nativeCall: n, begun: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s, nil
}

// SendMsg takes the one request.
func (s *nativeStream) SendMsg(message any) error {
	if s.request != nil {
		return notStreamed(s.tool.path, "takes one request message, and this call sends more")
	}
	err := s.setArgs(message)
	if err != nil {
		s.once.Do(func() { s.transmit(err) })
	}
	return err
}

// CloseSend sends the request. It returns when the server has accepted the job, so that the job goes on from then on. An
// error is that of RecvMsg.
func (s *nativeStream) CloseSend() error {
	s.once.Do(func() {
		if s.request == nil {
			s.transmit(notStreamed(s.tool.path, "takes one request message, and this call sends none"))
			return
		}
		s.transmit(nil)
	})
	return nil
}

// transmit sends the request, or ends the stream if there is none to send.
func (s *nativeStream) transmit(invalid error) {
	defer close(s.begun)
	if invalid != nil {
		s.finish(invalid)
		return
	}
	if s.tool.isWatch {
		s.watchNative()
		return
	}
	response, err := s.send(s.ctx)
	switch {
	case err != nil:
		s.finish(err)
	case response.Result != nil:
		s.messages = &oneMessage{s.nativeCall, response}
	default:
		s.messages = &jobMessages{n: s.nativeCall, watch: s.follow(s.ctx, response.Job)}
	}
}

// watchNative passes the messages of a watch on, for a stub of the system service.
func (s *nativeStream) watchNative() {
	target, invalid := s.encodedWatch(s.tool.name, s.request.args)
	if invalid != nil {
		s.finish(s.facts.failed(invalid))
		return
	}
	w := newWatch(s.ctx, s.caller, s.conn, s.tool.name, target, s.options, false)
	w.request.requestID, w.request.trace = s.intent.requestID, s.intent.trace
	s.messages = &encodedMessages{s.nativeCall, w}
}

// RecvMsg returns the next message.
func (s *nativeStream) RecvMsg(message any) error {
	if err := s.await(); err != nil {
		return err
	}
	if s.err != nil {
		return s.err
	}
	into, err := asMessage(message)
	if err == nil {
		err = s.checkResult(into)
	}
	if err == nil {
		err = s.messages.recv(into)
	}
	if err != nil {
		s.finish(err)
	}
	return err
}

// finish ends the stream.
func (s *nativeStream) finish(err error) {
	s.err = err
	if s.messages != nil {
		s.messages.close()
	}
	final := err
	if errors.Is(err, io.EOF) {
		final = nil
	}
	s.end(final)
	s.cancel()
}

// await waits until the request was sent.
func (s *nativeStream) await() error {
	select {
	case <-s.begun:
		return nil
	case <-s.ctx.Done():
	}
	select {
	case <-s.begun:
		return nil
	default:
		return s.facts.failed(endedBy(s.ctx.Err(), "the call has not begun"))
	}
}

// Header returns the ids of the call and its job, as soon as the server has accepted it.
func (s *nativeStream) Header() (metadata.MD, error) {
	if err := s.await(); err != nil {
		return nil, err
	}
	return s.Trailer(), nil
}

// Trailer returns the ids of the call and its job.
func (s *nativeStream) Trailer() metadata.MD {
	return answerMetadata(s.facts.requestID, s.facts.jobID)
}

// Context returns the context of the stream.
func (s *nativeStream) Context() context.Context { return s.ctx }

// oneMessage is the answer of a tool that is no job.
type oneMessage struct {
	n        *nativeCall
	response *sealwirev1.Response
}

func (m *oneMessage) recv(into proto.Message) error {
	if m.response == nil {
		return io.EOF
	}
	err := m.n.facts.readResult(m.response, into)
	m.response = nil
	return err
}

func (m *oneMessage) close() {}

// encodedMessages are the messages of a watch of the system service.
type encodedMessages struct {
	n     *nativeCall
	watch *watch[[]byte]
}

func (m *encodedMessages) recv(into proto.Message) error {
	encoded, err := m.watch.recv()
	if p, ok := err.(*problem); ok {
		return m.n.facts.failed(p)
	}
	if err != nil {
		return err
	}
	return m.n.facts.decode(encoded, into)
}

func (m *encodedMessages) close() { m.watch.close() }

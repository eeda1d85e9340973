package sealwire

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

const (
	nonceBytes = 16
	// offsetMax is the largest correction of the clock.
	offsetMax = dayLong
	// renewalsMax is how often one operation tries other credentials, without progress in between.
	renewalsMax = 3
)

// connection is what carries frames, as *grpc.ClientConn does.
type connection interface {
	grpc.ClientConnInterface
	GetState() connectivity.State
}

// request is one intent: a tool, its arguments and the request id.
type request struct {
	tool       string
	argsURL    string
	args       []byte
	resultType protoreflect.FullName
	requestID  string
	trace      metadata.MD
	// definitionDigest is the accepted definition of the tool; empty if any is.
	definitionDigest string
}

// attempt is one signed attempt of a request.
type attempt struct {
	credentials *Credentials
	// frame is the wire format that is sent.
	frame     []byte
	signature []byte
	signedAt  time.Time
}

// sign signs an attempt, with a new nonce and the time by the server's clock as far as it is known.
func (c *caller) sign(method string, r *request) *attempt {
	credentials := c.source.Current()
	var nonce [nonceBytes]byte
	rand.Read(nonce[:])
	now := time.Now()
	e := envelope{
		v:         protocolVersion,
		requestID: r.requestID,
		tsMs:      now.UnixMilli() + c.clockOffsetMs.Load(),
		clientID:  credentials.ClientID,
		serverID:  credentials.ServerID,
		tool:      r.tool,
		argsURL:   r.argsURL,
		args:      r.args,
		nonce:     nonce[:],

		definitionDigest: r.definitionDigest,
	}
	// The envelope is encoded into its place in the frame.
	size := e.size()
	wire := protowire.AppendTag(make([]byte, 0, frameSize(size, len(credentials.KeyID))), contentField, protowire.BytesType)
	wire = protowire.AppendVarint(wire, uint64(size))
	start := len(wire)
	wire = e.appendTo(wire)
	frame := credentials.Sign(method, wire[start:])
	return &attempt{credentials: credentials, frame: frame.appendSeal(wire), signature: frame.Signature, signedAt: now}
}

// adoptServerTime corrects the clock by a verified answer to the attempt that has just arrived.
func (c *caller) adoptServerTime(a *attempt, response *sealwirev1.Response) bool {
	// The server signed between sending and receiving. The middle is the best estimate.
	middle := a.signedAt.Add(time.Since(a.signedAt) / 2)
	offset := time.UnixMilli(response.TsMs).Sub(middle)
	if offset.Abs() > offsetMax {
		return false
	}
	c.clockOffsetMs.Store(offset.Milliseconds())
	return true
}

// send makes one attempt. It returns the verified answer or the failure.
func (c *caller) send(ctx context.Context, conn connection, a *attempt, r *request, options *callOptions) (*sealwirev1.Response, *failure) {
	if len(a.frame) > requestBytesMax {
		return nil, tooLarge(len(a.frame))
	}
	var reply []byte
	err := conn.Invoke(attemptContext(ctx, r.trace), CallMethod, &a.frame, &reply, options.forAttempt()...)
	expected := &Expected{RequestID: r.requestID, RequestSignature: a.signature, ResultType: r.resultType}
	if err == nil {
		return a.readAnswer(reply, expected)
	}
	response, f := a.readFailure(err, expected)
	c.locate(conn, f, options.reached())
	return response, f
}

// locate says of an unsigned failure whether the request left this process. It has left if there was a peer.
func (c *caller) locate(conn connection, f *failure, reached bool) {
	if f == nil || f.refusal != nil || f.forged || reached {
		return
	}
	f.unsent = true
	if f.reason != reasonUnreachable && conn.GetState() != connectivity.Shutdown {
		return
	}
	// A certificate does not become acceptable by waiting, so that such attempts are counted.
	f.reason, f.away = reasonUnreachable, !c.distrusts.Load()
	if text := c.refused.Load(); text != nil {
		f.message, f.away, f.code = *text, false, codes.FailedPrecondition
		f.reason = "OPTIONS_INVALID"
	}
	if conn.GetState() == connectivity.Shutdown {
		f.message, f.away, f.code, f.reason = "the connection is closed", false, codes.Canceled, "CANCELLED"
	}
}

func tooLarge(size int) *failure {
	return &failure{
		reason: "ARGS_INVALID", code: codes.ResourceExhausted, unsent: true,
		message: fmt.Sprintf("the signed request has %d bytes, and a server takes at most %d (1 MiB); send a reference to the data instead of the data", size, requestBytesMax),
	}
}

// callOptions are a caller's options, sorted: some go with each attempt, the others are for the call as a whole.
type callOptions struct {
	forwarded []grpc.CallOption
	headers   []grpc.HeaderCallOption
	trailers  []grpc.TrailerCallOption
	peers     []grpc.PeerCallOption
	finish    []grpc.OnFinishCallOption
	peer      peer.Peer
}

func sortOptions(given []grpc.CallOption) *callOptions {
	o := &callOptions{forwarded: make([]grpc.CallOption, 0, len(given)+2)}
	o.forwarded = append(o.forwarded, frameCodec, grpc.Peer(&o.peer))
	for _, option := range given {
		switch option := option.(type) {
		case grpc.HeaderCallOption:
			o.headers = append(o.headers, option)
		case grpc.TrailerCallOption:
			o.trailers = append(o.trailers, option)
		case grpc.PeerCallOption:
			o.peers = append(o.peers, option)
		case grpc.OnFinishCallOption:
			o.finish = append(o.finish, option)
		case grpc.ForceCodecCallOption, grpc.ForceCodecV2CallOption, grpc.CustomCodecCallOption, grpc.ContentSubtypeCallOption:
			// Frames have a codec of their own.
		default:
			o.forwarded = append(o.forwarded, option)
		}
	}
	return o
}

func (o *callOptions) forAttempt() []grpc.CallOption {
	o.peer = peer.Peer{}
	return o.forwarded
}

// reached reports whether the last attempt had a stream on a connection.
func (o *callOptions) reached() bool { return o.peer.Addr != nil }

// complete sets what the caller's options ask for, at the end of a call.
func (o *callOptions) complete(requestID, jobID string, err error) {
	for _, option := range o.headers {
		*option.HeaderAddr = answerMetadata(requestID, jobID)
	}
	for _, option := range o.trailers {
		*option.TrailerAddr = answerMetadata(requestID, jobID)
	}
	for _, option := range o.peers {
		if o.reached() {
			*option.PeerAddr = o.peer
		}
	}
	for _, option := range o.finish {
		option.OnFinish(err)
	}
}

// clone returns the same options with a peer of its own, for what may go on when the call has ended.
func (o *callOptions) clone() *callOptions {
	clone := &callOptions{}
	clone.forwarded = append([]grpc.CallOption{frameCodec, grpc.Peer(&clone.peer)}, o.forwarded[2:]...)
	return clone
}

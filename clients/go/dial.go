package sealwire

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/keepalive"
)

const (
	requestBytesMax  = 1 << 20
	responseBytesMax = 4 << 20
)

// roundRobin calls every server of a target in turn.
const roundRobin = `{"loadBalancingConfig": [{"round_robin": {}}]}`

// DialOptions returns the options that make a connection of grpc.NewClient sign and verify every call of a tool:
//
//	creds, err := sealwire.OpenCredentials("client.json", nil)
//	conn, err := grpc.NewClient(creds.Current().Target(), sealwire.DialOptions(creds)...)
//
// They hold interceptors, the transport's credentials, the size limits, and keep gRPC from repeating calls by itself.
// Interceptors of your own see the calls of your stubs and the signed frames; they must not repeat frames. It panics if an
// option is out of range. [NewClient] does the same with less to write, and returns an error instead.
func DialOptions(credentials CredentialsSource, options ...Option) []grpc.DialOption {
	cfg, err := newConfig(options)
	if err != nil {
		panic(err)
	}
	calls := newCaller(cfg, credentials)
	return append(calls.dialOptions(),
		grpc.WithChainUnaryInterceptor(calls.interceptUnary), grpc.WithChainStreamInterceptor(calls.interceptStream))
}

// dialOptions returns the options of a connection that carries frames.
func (c *caller) dialOptions() []grpc.DialOption {
	security, refused := c.transportSecurity(&c.distrusts)
	c.refused = refused
	options := append([]grpc.DialOption{
		grpc.WithTransportCredentials(security),
		// A repeated frame would have the same nonce.
		grpc.WithDisableRetry(),
		grpc.WithDefaultServiceConfig(roundRobin),
		grpc.WithResolvers(addressList{}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(responseBytesMax)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 8 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 8 * time.Second}),
	}, c.config.dialOptions...)
	if c.tls == nil && !c.remotePlaintext {
		// A proxy on this machine would carry the traffic to another.
		options = append(options, grpc.WithNoProxy())
	}
	return options
}

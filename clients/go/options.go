package sealwire

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// Option changes a default of a client.
type Option func(*config)

// Validator checks arguments before they are sent, as protovalidate does. Wrap it with [ValidatorFunc]:
//
//	sealwire.WithValidator(sealwire.ValidatorFunc(func(args proto.Message) error { return protovalidate.Validate(args) }))
type Validator interface {
	Validate(proto.Message) error
}

// ValidatorFunc is a function that is a [Validator].
type ValidatorFunc func(proto.Message) error

// Validate calls f.
func (f ValidatorFunc) Validate(args proto.Message) error { return f(args) }

// Retry says how attempts are repeated. Each attempt has a new signature and the same request id. A zero field means its
// default.
type Retry struct {
	// MaxAttempts bounds the attempts. Those that certainly reached no server, and those refused with a retry delay, do
	// not count. Default 5; 1 disables retries.
	MaxAttempts int
	// InitialDelay is the upper limit of the first delay. It doubles with each attempt; each delay is random between 0
	// and the limit. Default 200 ms.
	InitialDelay time.Duration
	// MaxDelay bounds that limit. Default 5 s.
	MaxDelay time.Duration
	// UnreachableFor bounds how long a call waits while no connection can be made, within its own time. Default: no other
	// bound.
	UnreachableFor time.Duration
}

type config struct {
	address         string
	tls             *tls.Config
	remotePlaintext bool
	timeout         time.Duration
	retry           Retry
	heartbeat       time.Duration
	resumeFor       time.Duration
	validator       Validator
	pins            map[string]string
	logger          *slog.Logger
	dialOptions     []grpc.DialOption
}

const (
	dayLong      = 24 * time.Hour
	heartbeatMin = 100 * time.Millisecond
	heartbeatMax = time.Minute
)

func newConfig(options []Option) (config, error) {
	cfg := config{
		timeout:   time.Minute,
		heartbeat: 15 * time.Second,
		resumeFor: 5 * time.Minute,
	}
	for _, option := range options {
		option(&cfg)
	}
	setDefault(&cfg.retry.MaxAttempts, 5)
	setDefault(&cfg.retry.InitialDelay, 200*time.Millisecond)
	setDefault(&cfg.retry.MaxDelay, 5*time.Second)
	setDefault(&cfg.retry.UnreachableFor, dayLong)
	switch {
	case cfg.timeout <= 0:
		return cfg, fmt.Errorf("sealwire: the time-out is %v; it must be positive", cfg.timeout)
	case cfg.retry.MaxAttempts < 1 || cfg.retry.MaxAttempts > 100:
		return cfg, fmt.Errorf("sealwire: Retry.MaxAttempts is %d; it must be 1 to 100", cfg.retry.MaxAttempts)
	case cfg.retry.InitialDelay < 0 || cfg.retry.MaxDelay < 0 || cfg.retry.UnreachableFor < 0 || cfg.resumeFor < 0:
		return cfg, fmt.Errorf("sealwire: the times of Retry and of WithResumeFor must not be negative")
	case cfg.heartbeat < heartbeatMin || cfg.heartbeat > heartbeatMax:
		return cfg, fmt.Errorf("sealwire: the heartbeat interval is %v; it must be %v to %v", cfg.heartbeat, heartbeatMin, heartbeatMax)
	}
	return cfg, checkPins(cfg.pins)
}

func setDefault[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// WithAddress replaces the address in the credentials. It has the same form.
func WithAddress(address string) Option { return func(c *config) { c.address = address } }

// WithTLS connects with TLS. &tls.Config{} trusts the authorities of the system; [TLSFiles] reads others, and the
// client's own certificate, from files. Without TLS, only loopback addresses and unix sockets are allowed.
func WithTLS(security *tls.Config) Option { return func(c *config) { c.tls = security } }

// WithDangerousRemotePlaintext allows connections without TLS to other machines. Anyone on the way can then read
// arguments and results.
func WithDangerousRemotePlaintext() Option { return func(c *config) { c.remotePlaintext = true } }

// WithTimeout bounds a call with all its attempts, and the start of a job. A context may set an earlier deadline. The
// watch of a job has no other bound than its context. Default 60 s.
func WithTimeout(timeout time.Duration) Option { return func(c *config) { c.timeout = timeout } }

// WithRetry sets how attempts are repeated.
func WithRetry(retry Retry) Option { return func(c *config) { c.retry = retry } }

// WithHeartbeatInterval sets the interval of the heartbeats that watches ask for, 100 ms to 1 min. A watch that is
// silent for two and a half intervals is resumed. Default 15 s.
func WithHeartbeatInterval(interval time.Duration) Option {
	return func(c *config) { c.heartbeat = interval }
}

// WithResumeFor sets how long a watch is resumed without a verified message. Default 5 min.
func WithResumeFor(resumeFor time.Duration) Option {
	return func(c *config) { c.resumeFor = resumeFor }
}

// WithValidator checks the arguments of every call before they are sent. A call whose arguments are refused fails with
// INVALID_ARGUMENT and the violations. Default: only the server checks.
func WithValidator(validator Validator) Option { return func(c *config) { c.validator = validator } }

// WithLogger logs retries at level debug, and credentials that were read again. Default: no logs.
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.logger = logger } }

// WithDialOptions adds options to the connection of [NewClient], such as a stats handler. Interceptors among them see
// signed frames.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(c *config) { c.dialOptions = append(c.dialOptions, options...) }
}

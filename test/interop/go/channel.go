package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"sealwire.dev/sealwire"
)

// channel is a client of the package, or a plain connection.
type channel struct {
	conn   grpc.ClientConnInterface
	client *sealwire.Client
	close  func() error
}

func (a *agent) open(_ context.Context, c *command, _ func(fields)) (fields, error) {
	opened, err := openChannel(c)
	if err != nil {
		return nil, err
	}
	a.channels.Store(c.Channel, opened)
	return fields{}, nil
}

func openChannel(c *command) (*channel, error) {
	if c.Plain != "" {
		conn, err := grpc.NewClient(c.Plain, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, err
		}
		return &channel{conn: conn, close: conn.Close}, nil
	}
	var options []sealwire.Option
	if c.TimeoutMs > 0 {
		options = append(options, sealwire.WithTimeout(time.Duration(c.TimeoutMs)*time.Millisecond))
	}
	if c.CA != "" || c.Cert != "" {
		config, err := sealwire.TLSFiles(c.CA, c.Cert, c.Key)
		if err != nil {
			return nil, err
		}
		options = append(options, sealwire.WithTLS(config))
	}
	if c.Pins != nil {
		options = append(options, sealwire.WithPins(c.Pins))
	}
	client, err := newClient(c, options)
	if err != nil {
		return nil, err
	}
	opened := &channel{conn: client, client: client, close: client.Close}
	if *interceptors {
		return withInterceptors(c, opened, options)
	}
	return opened, nil
}

func newClient(c *command, options []sealwire.Option) (*sealwire.Client, error) {
	if c.Inline == nil && !c.Environment {
		return sealwire.NewClient(c.Credentials, options...)
	}
	if c.Environment {
		return sealwire.NewClient("", options...)
	}
	source, err := credentialsOf(c)
	if err != nil {
		return nil, err
	}
	return sealwire.NewClientFrom(source, options...)
}

// withInterceptors makes stubs use a connection of grpc.NewClient. What is not done through stubs uses the client.
func withInterceptors(c *command, opened *channel, options []sealwire.Option) (*channel, error) {
	source, err := credentialsOf(c)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(source.Current().Target(), sealwire.DialOptions(source, options...)...)
	if err != nil {
		return nil, err
	}
	opened.conn = conn
	opened.close = func() error { return errors.Join(conn.Close(), opened.client.Close()) }
	return opened, nil
}

func credentialsOf(c *command) (sealwire.CredentialsSource, error) {
	switch {
	case c.Inline != nil:
		return sealwire.ParseCredentials(c.Inline)
	case c.Environment:
		return sealwire.EnvironmentCredentials()
	default:
		return sealwire.OpenCredentials(c.Credentials, nil)
	}
}

func (a *agent) closeChannel(_ context.Context, c *command, _ func(fields)) (fields, error) {
	open, err := a.channel(c)
	if err != nil {
		return nil, err
	}
	a.channels.Delete(c.Channel)
	return fields{}, open.close()
}

func (a *agent) channel(c *command) (*channel, error) {
	open, ok := a.channels.Load(c.Channel)
	if !ok {
		return nil, fmt.Errorf("no channel %s is open", c.Channel)
	}
	return open.(*channel), nil
}

// client returns the channel's client of the package.
func (a *agent) client(c *command) (*sealwire.Client, error) {
	open, err := a.channel(c)
	if err != nil {
		return nil, err
	}
	if open.client == nil {
		return nil, fmt.Errorf("channel %s is plain", c.Channel)
	}
	return open.client, nil
}

package sealwire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// TLSFiles reads a TLS configuration from PEM files: the authorities to trust (empty: those of the system), and the
// client's own certificate and key for servers that require one (both or none).
func TLSFiles(authorities, certificate, key string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if authorities != "" {
		text, err := os.ReadFile(authorities)
		if err != nil {
			return nil, fmt.Errorf("sealwire: the authorities cannot be read: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("sealwire: %s holds no certificate in PEM format", authorities)
		}
	}
	if certificate != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("sealwire: the client's certificate %q with the key %q cannot be used: %w", certificate, key, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// transportSecurity returns the transport credentials of a connection, and what it refused, which waiting does not mend.
// distrusts becomes true while the certificate of a server is not accepted.
func (c *config) transportSecurity(distrusts *atomic.Bool) (credentials.TransportCredentials, *atomic.Pointer[string]) {
	refused := &atomic.Pointer[string]{}
	switch {
	case c.tls != nil:
		return checkedTLS{credentials.NewTLS(c.tls), distrusts}, refused
	case c.remotePlaintext:
		return insecure.NewCredentials(), refused
	default:
		return localPlaintext{insecure.NewCredentials(), refused}, refused
	}
}

// checkedTLS is TLS that tells whether the certificate of the last peer was accepted.
type checkedTLS struct {
	credentials.TransportCredentials
	distrusts *atomic.Bool
}

func (c checkedTLS) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := c.TransportCredentials.ClientHandshake(ctx, authority, conn)
	var refused *tls.CertificateVerificationError
	if isRefused := errors.As(err, &refused); isRefused || err == nil {
		c.distrusts.Store(isRefused)
	}
	return secured, info, err
}

func (c checkedTLS) Clone() credentials.TransportCredentials {
	return checkedTLS{c.TransportCredentials.Clone(), c.distrusts}
}

// localPlaintext is plain text that refuses a peer on another machine, whatever its name was.
type localPlaintext struct {
	credentials.TransportCredentials
	refused *atomic.Pointer[string]
}

func (l localPlaintext) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if !isLocal(conn.RemoteAddr()) {
		text := remotePlaintext(conn.RemoteAddr().String())
		l.refused.Store(&text)
		return nil, nil, fmt.Errorf("%s", text)
	}
	return l.TransportCredentials.ClientHandshake(ctx, authority, conn)
}

func (l localPlaintext) Clone() credentials.TransportCredentials {
	return localPlaintext{l.TransportCredentials.Clone(), l.refused}
}

func isLocal(address net.Addr) bool {
	switch address := address.(type) {
	case *net.TCPAddr:
		return address.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	default:
		return address.Network() == "bufconn"
	}
}

func remotePlaintext(address string) string {
	return "without TLS only loopback addresses and unix sockets are called, not " + address +
		"; use sealwire.WithTLS, or sealwire.WithDangerousRemotePlaintext, which lets anyone on the way read the traffic"
}

package sealwire

import (
	"net"
	"net/url"
	"strings"
	"sync"

	"google.golang.org/grpc/resolver"
)

// listScheme is the scheme of a target with several addresses.
const listScheme = "sealwire"

// Target returns the credentials' address as a target of grpc.NewClient with [DialOptions]. Several addresses become one
// target.
func (c *Credentials) Target() string { return targetOf(c.Address) }

func targetOf(address string) string {
	addresses := splitAddresses(address)
	if len(addresses) == 1 {
		return addresses[0]
	}
	return listScheme + ":///" + url.PathEscape(strings.Join(addresses, ","))
}

func splitAddresses(text string) []string {
	var addresses []string
	for address := range strings.SplitSeq(text, ",") {
		if address = strings.TrimSpace(address); address != "" {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

// addressList resolves a target with several addresses to all of their servers. Each address is resolved by the resolver
// of its own scheme.
type addressList struct{}

func (addressList) Scheme() string { return listScheme }

// OverrideAuthority returns the authority of the first address. Each address has its own name for TLS.
func (addressList) OverrideAuthority(target resolver.Target) string {
	list := splitAddresses(target.Endpoint())
	if len(list) == 0 {
		return "localhost"
	}
	return authorityOf(list[0])
}

func (addressList) Build(target resolver.Target, conn resolver.ClientConn, options resolver.BuildOptions) (resolver.Resolver, error) {
	list := splitAddresses(target.Endpoint())
	merged := &mergedResolver{conn: conn, states: make([][]resolver.Address, len(list))}
	for index, address := range list {
		built, err := buildOne(address, &partialConn{ClientConn: conn, merged: merged, index: index, name: authorityOf(address)}, options)
		if err != nil {
			merged.Close()
			return nil, err
		}
		merged.mu.Lock()
		merged.parts = append(merged.parts, built)
		merged.mu.Unlock()
	}
	return merged, nil
}

func buildOne(address string, conn resolver.ClientConn, options resolver.BuildOptions) (resolver.Resolver, error) {
	scheme, rest, _ := strings.Cut(address, ":")
	builder := resolver.Get(scheme)
	if builder == nil || !strings.Contains(rest, "/") {
		builder, address = resolver.Get("dns"), "dns:///"+address
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	return builder.Build(resolver.Target{URL: *parsed}, conn, options)
}

// authorityOf returns the name that the certificate of the server at an address must have.
func authorityOf(address string) string {
	if strings.HasPrefix(address, "unix") {
		return "localhost"
	}
	if at := strings.LastIndex(address, "/"); at >= 0 {
		address = address[at+1:]
	}
	return address
}

// mergedResolver is the resolvers of all addresses of a list.
type mergedResolver struct {
	conn resolver.ClientConn

	mu     sync.Mutex
	parts  []resolver.Resolver
	states [][]resolver.Address
}

func (m *mergedResolver) ResolveNow(options resolver.ResolveNowOptions) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, part := range m.parts {
		part.ResolveNow(options)
	}
}

func (m *mergedResolver) Close() {
	m.mu.Lock()
	parts := m.parts
	m.mu.Unlock()
	for _, part := range parts {
		part.Close()
	}
}

func (m *mergedResolver) update(index int, addresses []resolver.Address) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.states[index] = addresses
	var all []resolver.Address
	for _, some := range m.states {
		all = append(all, some...)
	}
	return m.conn.UpdateState(resolver.State{Addresses: all})
}

// report passes an error on if no address is known at all.
func (m *mergedResolver) report(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, some := range m.states {
		if len(some) > 0 {
			return
		}
	}
	m.conn.ReportError(err)
}

// partialConn takes what one address resolves to.
type partialConn struct {
	resolver.ClientConn
	merged *mergedResolver
	index  int
	name   string
}

func (p *partialConn) UpdateState(state resolver.State) error {
	addresses := state.Addresses
	if len(addresses) == 0 {
		for _, endpoint := range state.Endpoints {
			addresses = append(addresses, endpoint.Addresses...)
		}
	}
	named := make([]resolver.Address, len(addresses))
	for at, address := range addresses {
		if address.ServerName == "" {
			address.ServerName = p.name
		}
		named[at] = address
	}
	return p.merged.update(p.index, named)
}

func (p *partialConn) NewAddress(addresses []resolver.Address) {
	_ = p.UpdateState(resolver.State{Addresses: addresses})
}

func (p *partialConn) ReportError(err error) { p.merged.report(err) }

// isLocalTarget reports whether the traffic to a gRPC target does not leave this machine, as far as its text tells.
func isLocalTarget(target string) bool {
	if strings.HasPrefix(target, "unix:") || strings.HasPrefix(target, "unix-abstract:") {
		return true
	}
	host := authorityOf(strings.TrimPrefix(target, "dns:"))
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

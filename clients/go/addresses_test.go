package sealwire

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryFormOfAnAddressIsCalled(t *testing.T) {
	tcp := startPeer(t, sums)
	_, port, _ := net.SplitHostPort(tcp.credentials.Address)
	path := filepath.Join(t.TempDir(), "server.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = tcp.server.Serve(listener) }()
	for _, address := range []string{
		"localhost:" + port,
		"dns:///localhost:" + port,
		"unix:" + path,
		"unix:" + path + ",127.0.0.1:" + port,
		"dns:///localhost:" + port + " , unix:" + path,
		"127.0.0.1:1,localhost:" + port,
	} {
		client := tcp.client(t, WithAddress(address))
		before := len(tcp.seen("batch_sum"))
		for range 4 {
			if _, err := sum(client); err != nil {
				t.Errorf("%s: %v", address, err)
			}
		}
		if made := len(tcp.seen("batch_sum")) - before; made != 4 {
			t.Errorf("%s: %d calls", address, made)
		}
	}
}

func TestTheNameOfACertificateIsThatOfItsAddress(t *testing.T) {
	for address, name := range map[string]string{
		"example.com:443": "example.com:443", "dns:///example.com:443": "example.com:443",
		"dns://192.0.2.1/example.com:443": "example.com:443", "unix:/run/x.sock": "localhost",
	} {
		if got := authorityOf(address); got != name {
			t.Errorf("%s: %s", address, got)
		}
	}
	if target := targetOf(" a:1 , b:2 "); !strings.HasPrefix(target, "sealwire:///") || targetOf("a:1") != "a:1" {
		t.Error(target)
	}
}

func TestOnlyLoopbackAndUnixSocketsAreLocal(t *testing.T) {
	for address, want := range map[net.Addr]bool{
		&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}: true, &net.TCPAddr{IP: net.IPv6loopback}: true, &net.UnixAddr{Name: "/x"}: true,
		&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}: false,
	} {
		if isLocal(address) != want {
			t.Error(address)
		}
	}
}

// Command archive serves the archive tools: ./archive -help
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	archivepb "example.com/sealwire-upstream/gen/archive/v1"
)

const grace = time.Second

var loopback = regexp.MustCompile(`^127\.0\.0\.1:\d{1,5}$`)

type options struct {
	listen, notes, jwks, audience string
	pauseAfterEffect              time.Duration
}

func main() {
	log.SetFlags(0)
	var o options
	flag.StringVar(&o.listen, "listen", "", "unix:PATH or 127.0.0.1:PORT; port 0 picks one")
	flag.StringVar(&o.notes, "notes", "", "file of the notes; made if missing")
	flag.StringVar(&o.jwks, "jwks", "none", "keys of the assertions, or none; required with TCP")
	flag.StringVar(&o.audience, "audience", "", "audience of the assertions; required with -jwks")
	pauseMS := flag.Int("pause-after-effect", 0, "ms from a note on disk to the answer")
	flag.Parse()
	o.pauseAfterEffect = time.Duration(*pauseMS) * time.Millisecond
	if err := run(o); err != nil {
		log.Fatal(err)
	}
}

func run(o options) error {
	verifier, err := verifierFor(o)
	if err != nil {
		return err
	}
	listener, err := listen(o.listen)
	if err != nil {
		return err
	}
	notes, err := OpenNotes(o.notes)
	if err != nil {
		return err
	}
	defer notes.Close()

	service := archivepb.ArchiveToolService_ServiceDesc
	calls := NewCalls(verifier)
	server := grpc.NewServer(grpc.ForceServerCodecV2(newRawCodec()))
	server.RegisterService(calls.Around(service), &Archive{notes: notes, pauseAfterEffect: o.pauseAfterEffect})
	healths := health.NewServer()
	healths.SetServingStatus(service.ServiceName, healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(server, healths)
	reflection.Register(server)

	stopping, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	context.AfterFunc(stopping, func() {
		healths.Shutdown()
		calls.Stop()
		// A watch of the health has no end of its own.
		time.AfterFunc(grace, server.Stop)
		server.GracefulStop()
	})
	listening := o.listen
	if loopback.MatchString(o.listen) {
		listening = listener.Addr().String()
	}
	calls.print(struct {
		Listening string `json:"listening"`
	}{listening})
	return server.Serve(listener)
}

func verifierFor(o options) (*Verifier, error) {
	if o.jwks == "none" {
		if loopback.MatchString(o.listen) {
			return nil, errors.New("--listen with TCP needs --jwks and --audience: every user of the machine can connect")
		}
		return nil, nil
	}
	if o.audience == "" {
		return nil, errors.New("--jwks needs --audience")
	}
	return NewVerifier(o.jwks, o.audience)
}

func listen(address string) (net.Listener, error) {
	if loopback.MatchString(address) {
		return net.Listen("tcp", address)
	}
	path, isSocket := strings.CutPrefix(address, "unix:")
	if !isSocket {
		return nil, fmt.Errorf("--listen: %q is neither unix:PATH nor 127.0.0.1:PORT", address)
	}
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("--listen: others can enter the socket's folder: chmod 700 %s", folder)
	}
	// A socket that a killed server left would be in the way.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return net.Listen("unix", path)
}

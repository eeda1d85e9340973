package sealwire

import (
	"context"
	"fmt"
	"iter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	systemv1 "sealwire.dev/sealwire/gen/sealwire/system/v1"
	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// closeGrace is how long Close waits for the cancellations of abandoned jobs.
const closeGrace = 2 * time.Second

// Client is a connection to a server, or to several replicas of one. It is a grpc.ClientConnInterface: generated stubs
// call tools through it, and every call is signed, and its answer verified. Its methods call tools by name. It is safe for
// use by many goroutines.
type Client struct {
	calls *caller
	conn  *grpc.ClientConn
}

var _ grpc.ClientConnInterface = (*Client)(nil)

// NewClient makes a client with the credentials in a file, which is read again when it changes; "" means those that the
// environment names, see [EnvironmentCredentials]. It does not connect yet. Unusable credentials are a
// [*CredentialsError]. Close it after use.
func NewClient(path string, options ...Option) (*Client, error) {
	cfg, err := newConfig(options)
	if err != nil {
		return nil, err
	}
	var source CredentialsSource
	if path == "" {
		source, err = environmentCredentials(cfg.logger)
	} else {
		source, err = openFile(path, &cfg)
	}
	if err != nil {
		return nil, err
	}
	return newClient(cfg, source)
}

func openFile(path string, cfg *config) (CredentialsSource, error) {
	file, err := OpenCredentials(path, cfg.logger)
	if err != nil {
		return nil, err
	}
	return file, nil
}

// NewClientFrom makes a client with credentials from memory, or another source. It does not connect yet. Close it after
// use.
func NewClientFrom(source CredentialsSource, options ...Option) (*Client, error) {
	cfg, err := newConfig(options)
	if err != nil {
		return nil, err
	}
	return newClient(cfg, source)
}

func newClient(cfg config, source CredentialsSource) (*Client, error) {
	calls := newCaller(cfg, source)
	if calls.tls == nil && !calls.remotePlaintext {
		for _, address := range splitAddresses(calls.address) {
			if !isLocalTarget(address) {
				return nil, fmt.Errorf("sealwire: %s", remotePlaintext(address))
			}
		}
	}
	conn, err := grpc.NewClient(targetOf(calls.address), calls.dialOptions()...)
	if err != nil {
		return nil, fmt.Errorf("sealwire: the address %q cannot be used: %w", calls.address, err)
	}
	return &Client{calls, conn}, nil
}

// Close closes the connection, and ends what is open. It gives the cancellations of abandoned jobs 2 s.
func (c *Client) Close() error {
	c.calls.cancellations.wait(closeGrace)
	return c.conn.Close()
}

// Invoke calls a method for a generated stub.
func (c *Client) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	if passesThrough(method) {
		return c.conn.Invoke(ctx, method, args, reply, options...)
	}
	return c.calls.invoke(ctx, c.conn, method, args, reply, options)
}

// NewStream calls a method that streams its answers for a generated stub.
func (c *Client) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	if passesThrough(method) {
		return c.conn.NewStream(ctx, desc, method, options...)
	}
	return c.calls.stream(ctx, c.conn, desc, method, options)
}

// Call calls a tool by its name, and reads its answer into result. Of a job tool it waits for the end of the job, as a
// stub does. The error is a gRPC status; see [ErrorOf] and [UnverifiedError].
func (c *Client) Call(ctx context.Context, tool string, args, result proto.Message, options ...grpc.CallOption) error {
	n, err := c.begin(ctx, tool, args, result, options)
	if err != nil {
		return err
	}
	return n.unary(ctx, args, result)
}

// Start starts a job, and returns when the server has durably accepted it.
func (c *Client) Start(ctx context.Context, tool string, args proto.Message, options ...grpc.CallOption) (job *Job, err error) {
	n, err := c.begin(ctx, tool, args, nil, options)
	if err != nil {
		return nil, err
	}
	defer func() { n.end(err) }()
	if err := n.setArgs(args); err != nil {
		return nil, err
	}
	response, err := n.send(ctx)
	if err != nil {
		return nil, err
	}
	if response.Result != nil {
		return nil, notCalled(codes.FailedPrecondition, "OPTIONS_INVALID", "%s is no job; use Call", tool)
	}
	return &Job{client: c, id: response.Job.JobId, latest: response.Job}, nil
}

// begin begins a call by name. A tool that is not in the contract is called all the same, for the server's own refusal.
func (c *Client) begin(ctx context.Context, name string, args, result proto.Message, options []grpc.CallOption) (*nativeCall, error) {
	t, err := c.calls.findName(ctx, c.conn, name)
	if err != nil {
		return nil, err
	}
	if t == nil && c.calls.pinOf(ctx, name) != "" {
		return nil, notListed(name)
	}
	if t == nil {
		argsType := args.ProtoReflect().Descriptor().FullName()
		t = &tool{name: name, argsType: argsType, argsURL: typeURLPrefix + string(argsType)}
		if result != nil {
			t.resultType = result.ProtoReflect().Descriptor().FullName()
		}
	}
	if t.isWatch {
		return nil, notStreamed(t.path, "answers with a stream; use Job.Watch or WatchJobs")
	}
	return c.calls.begin(ctx, c.conn, t, sortOptions(options))
}

// Call calls a tool by its name, and returns its answer as a message of type T:
//
//	sum, err := sealwire.Call[*demov1.BatchSumResponse](ctx, client, "batch_sum", &demov1.BatchSumRequest{Numbers: numbers})
func Call[T proto.Message](ctx context.Context, client *Client, tool string, args proto.Message, options ...grpc.CallOption) (T, error) {
	result := newMessage[T]()
	if err := client.Call(ctx, tool, args, result, options...); err != nil {
		var none T
		return none, err
	}
	return result, nil
}

func newMessage[T proto.Message]() T {
	var none T
	return none.ProtoReflect().New().Interface().(T)
}

// Tools returns the tools that the key may call, sorted by name, with the system tools.
func (c *Client) Tools(ctx context.Context) ([]*systemv1.ToolDescription, error) {
	response := &systemv1.ListToolsResponse{}
	err := c.calls.callSystem(ctx, c.conn, "list_tools", &systemv1.ListToolsRequest{}, response)
	return response.Tools, err
}

// Identify asks the server who it is, and compares its fingerprint with the one in the credentials. If they differ, the
// error is FAILED_PRECONDITION: the keys were made with another server's secret.
func (c *Client) Identify(ctx context.Context) (*systemv1.ServerIdentityResponse, error) {
	identity := &systemv1.ServerIdentityResponse{}
	if err := c.calls.callSystem(ctx, c.conn, "server_identity", &systemv1.ServerIdentityRequest{}, identity); err != nil {
		return nil, err
	}
	if want := c.calls.source.Current().ServerFingerprint; identity.Fingerprint != want {
		return identity, notCalled(codes.FailedPrecondition, "OPTIONS_INVALID",
			"server %s has the fingerprint %s, and the credentials are for %s; get them again from its operator",
			identity.ServerId, identity.Fingerprint, want)
	}
	return identity, nil
}

// JobFilter selects jobs. Its zero value selects all of them.
type JobFilter struct {
	// Tool selects the jobs of one tool.
	Tool string
	// States selects jobs in any of these states.
	States []sealwirev1.JobState
	// PageSize is how many jobs each request asks for, up to 500. Default 50.
	PageSize int32
}

// Jobs lists the client's jobs, newest first, page by page.
func (c *Client) Jobs(ctx context.Context, filter JobFilter) iter.Seq2[*sealwirev1.Job, error] {
	return func(yield func(*sealwirev1.Job, error) bool) {
		request := &systemv1.ListJobsRequest{Tool: filter.Tool, States: filter.States, PageSize: filter.PageSize}
		for {
			page := &systemv1.ListJobsResponse{}
			if err := c.calls.callSystem(ctx, c.conn, "list_jobs", request, page); err != nil {
				yield(nil, err)
				return
			}
			for _, job := range page.Jobs {
				if !yield(job, nil) {
					return
				}
			}
			if request.PageToken = page.NextPageToken; request.PageToken == "" {
				return
			}
		}
	}
}

// WatchJobsOptions select what [Client.WatchJobs] reports. The zero value selects every open job.
type WatchJobsOptions struct {
	// Tool selects the jobs of one tool.
	Tool string
	// EndedSince also selects jobs that ended at this time or later, by the server's clock.
	EndedSince time.Time
}

// WatchJobs reports every open job and then each newer state of any of the client's jobs, until the context ends or the
// loop is left. It resumes by itself, and misses no end of a job.
func (c *Client) WatchJobs(ctx context.Context, options WatchJobsOptions) iter.Seq2[*sealwirev1.Job, error] {
	return func(yield func(*sealwirev1.Job, error) bool) {
		target := c.calls.watchedJobs(options.Tool, options.EndedSince)
		w := newWatch(ctx, c.calls, c.conn, "watch_jobs", target, sortOptions(nil), false)
		drain(w, callFacts{tool: "watch_jobs", repeatable: true, requestID: w.request.requestID}, yield)
	}
}

// drain yields the items of a watch.
func drain[T any](w *watch[T], facts callFacts, yield func(T, error) bool) {
	defer w.close()
	for {
		item, err := w.recv()
		if p, ok := err.(*problem); ok {
			yield(item, facts.failed(p))
			return
		}
		if err != nil || !yield(item, nil) {
			return
		}
	}
}

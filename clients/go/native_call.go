package sealwire

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	systemv1 "sealwire.dev/sealwire/gen/sealwire/system/v1"
	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// nativeCall is a call of a tool by a stub or by name (docs/proxy.md, What a native call means).
type nativeCall struct {
	*caller
	conn    connection
	tool    *tool
	intent  callIntent
	options *callOptions
	request *request
	facts   callFacts
	// definitionDigest is sent with the call; empty if any definition is accepted.
	definitionDigest string
	// stopAbandon ends the care for an abandoned job.
	stopAbandon func()
}

// begin reads the intent of a call from its context.
func (c *caller) begin(ctx context.Context, conn connection, t *tool, options *callOptions) (*nativeCall, error) {
	intent, err := readIntent(ctx)
	if err != nil {
		return nil, err
	}
	facts := callFacts{tool: t.name, repeatable: t.repeatable, requestID: intent.requestID}
	digest, failed := t.digestToSend(c.pinOf(ctx, t.name))
	if failed != nil {
		return nil, facts.failed(failed)
	}
	return &nativeCall{
		caller: c, conn: conn, tool: t, intent: intent, options: options,
		facts: facts, definitionDigest: digest,
		stopAbandon: func() {},
	}, nil
}

// setArgs checks and encodes the arguments.
func (n *nativeCall) setArgs(given any) error {
	args, err := asMessage(given)
	if err != nil {
		return err
	}
	if name := args.ProtoReflect().Descriptor().FullName(); name != n.tool.argsType {
		return wrongMessage(n.tool, "request", name, n.tool.argsType)
	}
	if n.validator != nil {
		if err := n.validator.Validate(args); err != nil {
			return n.facts.invalidArgs(err)
		}
	}
	encoded, err := proto.Marshal(args)
	if err != nil {
		return n.facts.invalidArgs(err)
	}
	n.request = &request{
		tool: n.tool.name, argsURL: n.tool.argsURL, args: encoded, resultType: n.tool.resultType,
		requestID: n.intent.requestID, trace: n.intent.trace,
		definitionDigest: n.definitionDigest,
	}
	return nil
}

// checkResult checks that a stub's response message is that of the contract.
func (n *nativeCall) checkResult(result proto.Message) error {
	if name := result.ProtoReflect().Descriptor().FullName(); name != n.tool.resultType {
		return wrongMessage(n.tool, "response", name, n.tool.resultType)
	}
	return nil
}

// unary carries out a call with one answer, that of a job when it has ended.
func (n *nativeCall) unary(ctx context.Context, args, result any) (err error) {
	defer func() { n.end(err) }()
	into, err := asMessage(result)
	if err == nil {
		err = n.checkResult(into)
	}
	if err == nil {
		err = n.setArgs(args)
	}
	if err != nil {
		return err
	}
	response, err := n.send(ctx)
	if err != nil || response.Result != nil {
		if err == nil {
			err = n.facts.readResult(response, into)
		}
		return err
	}
	messages := n.follow(ctx, response.Job)
	defer messages.close()
	for {
		answer, err := messages.recv()
		if err != nil {
			return n.failed(err)
		}
		if isTerminal(answer.job.State) {
			return n.readOutput(answer, into)
		}
	}
}

// end completes the caller's options.
func (n *nativeCall) end(err error) {
	n.stopAbandon()
	n.options.complete(n.facts.requestID, n.facts.jobID, err)
}

// send sends the call, and returns its verified answer if that is a result or a job.
func (n *nativeCall) send(ctx context.Context) (*sealwirev1.Response, error) {
	response, failed := n.sendBound(ctx)
	switch {
	case failed != nil:
		return nil, n.facts.failed(failed)
	case response.Result != nil:
		return response, nil
	case response.Error != nil:
		return nil, n.facts.toolFailed(response.Error)
	case response.Job == nil || response.Job.JobId == "":
		return nil, n.facts.failed(invalidAnswer(fmt.Sprintf("the answer of %s holds no result", n.tool.name)))
	}
	n.facts.jobID = response.Job.JobId
	return response, nil
}

// sendBound sends the call. A job that is to be cancelled with its call is started in any case, so that its id is known.
func (n *nativeCall) sendBound(ctx context.Context) (*sealwirev1.Response, *problem) {
	if !n.intent.cancelOnAbandon || !n.tool.isJob {
		limit, cancel := n.limit(ctx)
		defer cancel()
		return n.call(limit, n.conn, n.request, n.options)
	}
	type answer struct {
		response *sealwirev1.Response
		failed   *problem
	}
	answered := make(chan answer, 1)
	abandoned := make(chan struct{})
	n.cancellations.begin()
	go func() {
		defer n.cancellations.end()
		limit, cancel := n.limit(context.WithoutCancel(ctx))
		defer cancel()
		response, failed := n.call(limit, n.conn, n.request, n.options.clone())
		answered <- answer{response, failed}
		select {
		case <-abandoned:
			if response.GetJob() != nil {
				n.cancelJob(response.Job.JobId)
			}
		default:
		}
	}()
	select {
	case a := <-answered:
		return a.response, a.failed
	case <-ctx.Done():
		close(abandoned)
		// The answer may have come in between.
		select {
		case a := <-answered:
			if a.response.GetJob() != nil {
				return a.response, nil
			}
		default:
		}
		return nil, endedBy(ctx.Err(), n.request.isOpen())
	}
}

// follow watches the job of the call.
func (n *nativeCall) follow(ctx context.Context, job *sealwirev1.Job) *watch[*jobAnswer] {
	n.facts.jobID = job.JobId
	if n.intent.cancelOnAbandon {
		n.cancellations.begin()
		stop := context.AfterFunc(ctx, func() {
			defer n.cancellations.end()
			n.cancelJob(job.JobId)
		})
		n.stopAbandon = func() {
			// If the context has ended, the job is to be cancelled though the call may return before that begins.
			if ctx.Err() == nil && stop() {
				n.cancellations.end()
			}
		}
	}
	return newWatch(ctx, n.caller, n.conn, "watch_job", n.watchedJob(job.JobId, 0), n.options, true)
}

// cancelJob asks an abandoned job to stop.
func (n *nativeCall) cancelJob(jobID string) {
	err := n.callSystem(context.Background(), n.conn, "cancel_job", &systemv1.CancelJobRequest{JobId: jobID}, &systemv1.CancelJobResponse{})
	// The answer about a job that has ended has the job's error.
	if err != nil && n.logger != nil {
		n.logger.Warn("the job of an abandoned call could not be cancelled", "job_id", jobID, "error", err)
	}
}

// failed returns the status of a watch that has failed.
func (n *nativeCall) failed(err error) error {
	if p, ok := err.(*problem); ok {
		return n.facts.failed(p)
	}
	return n.facts.failed(invalidAnswer("job " + n.facts.jobID + " ended without an outcome"))
}

// readOutput reads the output of a job that has ended, or returns its error.
func (n *nativeCall) readOutput(answer *jobAnswer, into proto.Message) error {
	if e := errorOfJob(answer.job); e != nil {
		return n.facts.toolFailed(e)
	}
	return n.facts.readAny(answer, n.tool.resultType, into)
}

// notStreamed returns the error for a method that is called in a way that it does not have.
func notStreamed(path, problem string) error {
	return notCalled(codes.Unimplemented, "ENVELOPE_INVALID", "%s %s", path, problem)
}

// passesThrough reports whether a method is not a tool: it is called as it is, unsigned.
func passesThrough(path string) bool {
	for _, prefix := range []string{"/sealwire.v1.", "/grpc.health.v1.", "/grpc.reflection."} {
		if len(path) > len(prefix) && path[:len(prefix)] == prefix {
			return true
		}
	}
	return false
}

// invoke carries out a unary call of a stub.
func (c *caller) invoke(ctx context.Context, conn connection, path string, args, result any, given []grpc.CallOption) error {
	t, err := c.findPath(ctx, conn, path)
	if err != nil {
		return err
	}
	if t.isWatch {
		return notStreamed(path, "answers with a stream")
	}
	n, err := c.begin(ctx, conn, t, sortOptions(given))
	if err != nil {
		return err
	}
	return n.unary(ctx, args, result)
}

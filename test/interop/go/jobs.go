package main

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"sealwire.dev/sealwire"
	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

func (a *agent) start(ctx context.Context, c *command, _ func(fields)) (fields, error) {
	client, err := a.client(c)
	if err != nil {
		return nil, err
	}
	request, err := readMessage(c.RequestType, c.Request)
	if err != nil {
		return nil, err
	}
	var header metadata.MD
	job, err := client.Start(withRequestID(ctx, c.RequestID), c.Tool, request, grpc.Header(&header))
	if err != nil {
		return outcome(err, nil, header)
	}
	return fields{"jobId": job.ID(), "requestId": job.Latest().RequestId}, nil
}

func (a *agent) watch(ctx context.Context, c *command, tell func(fields)) (fields, error) {
	client, err := a.client(c)
	if err != nil {
		return nil, err
	}
	var last *sealwirev1.Job
	for state, err := range client.Job(c.JobID).Watch(ctx, c.AfterRevision) {
		if err != nil {
			return outcome(err, nil)
		}
		tell(fields{"job": asJSON(state)})
		last = state
	}
	return fields{"state": last.GetState().String()}, nil
}

func (a *agent) result(ctx context.Context, c *command, _ func(fields)) (fields, error) {
	client, err := a.client(c)
	if err != nil {
		return nil, err
	}
	output, err := newMessage(c.ResponseType)
	if err != nil {
		return nil, err
	}
	return outcome(client.Job(c.JobID).Result(ctx, output), output)
}

func (a *agent) state(ctx context.Context, c *command, _ func(fields)) (fields, error) {
	return a.ask(ctx, c, (*sealwire.Job).State)
}

func (a *agent) cancelJob(ctx context.Context, c *command, _ func(fields)) (fields, error) {
	return a.ask(ctx, c, (*sealwire.Job).Cancel)
}

func (a *agent) ask(ctx context.Context, c *command, ask func(*sealwire.Job, context.Context) (*sealwirev1.Job, error)) (fields, error) {
	client, err := a.client(c)
	if err != nil {
		return nil, err
	}
	job, err := ask(client.Job(c.JobID), ctx)
	if err != nil {
		return outcome(err, nil)
	}
	return fields{"job": asJSON(job)}, nil
}

func (a *agent) listJobs(ctx context.Context, c *command, _ func(fields)) (fields, error) {
	client, err := a.client(c)
	if err != nil {
		return nil, err
	}
	filter := sealwire.JobFilter{Tool: c.Tool, PageSize: c.PageSize}
	for _, name := range c.States {
		filter.States = append(filter.States, sealwirev1.JobState(sealwirev1.JobState_value["JOB_STATE_"+name]))
	}
	jobs := []any{}
	for job, err := range client.Jobs(ctx, filter) {
		if err != nil {
			return outcome(err, nil)
		}
		jobs = append(jobs, asJSON(job))
	}
	return fields{"jobs": jobs}, nil
}

func (a *agent) watchJobs(ctx context.Context, c *command, tell func(fields)) (fields, error) {
	client, err := a.client(c)
	if err != nil {
		return nil, err
	}
	for job, err := range client.WatchJobs(ctx, sealwire.WatchJobsOptions{Tool: c.Tool}) {
		if err != nil {
			return outcome(err, nil)
		}
		tell(fields{"job": asJSON(job)})
	}
	return fields{}, nil
}

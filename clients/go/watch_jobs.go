package sealwire

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	systemv1 "sealwire.dev/sealwire/gen/sealwire/system/v1"
	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// watchedJobs is all jobs of the client as the target of a watch. It yields each newer state of any of them.
type watchedJobs struct {
	tool        string
	endedSince  *timestamppb.Timestamp
	heartbeatMs int32
	// known has the open jobs, and the ended ones that the next stream may send again.
	known    map[string]*sealwirev1.Job
	resumeAt time.Time
}

func (c *caller) watchedJobs(tool string, endedSince time.Time) *watchedJobs {
	w := &watchedJobs{tool: tool, heartbeatMs: int32(c.heartbeat.Milliseconds()), known: map[string]*sealwirev1.Job{}}
	if !endedSince.IsZero() {
		w.endedSince = timestamppb.New(endedSince)
	}
	return w
}

func (w *watchedJobs) goesOn() string { return "the jobs go on" }

func (w *watchedJobs) next(bool, bool) []byte {
	return mustMarshal(&systemv1.WatchJobsRequest{Tool: w.tool, EndedSince: w.endedSince, HeartbeatIntervalMs: w.heartbeatMs})
}

func (w *watchedJobs) read(response *sealwirev1.Response) (update[*sealwirev1.Job], *problem) {
	var read update[*sealwirev1.Job]
	if response.Status != sealwirev1.Status_STATUS_OK || response.Result == nil {
		return read, invalidAnswer(fmt.Sprintf("a message of watch_jobs has the status %v, or no result", response.Status))
	}
	message := &systemv1.WatchJobsResponse{}
	if err := proto.Unmarshal(response.Result.Value, message); err != nil || message.ResumeTime == nil {
		return read, invalidAnswer("a message of watch_jobs cannot be read, or does not say where to resume")
	}
	for _, job := range message.Jobs {
		isNewer, invalid := w.isNewer(job)
		if invalid != nil {
			return read, invalid
		}
		if isNewer {
			read.items = append(read.items, job)
		}
	}
	w.resumeFrom(message.ResumeTime)
	read.isNews = len(read.items) > 0
	return read, nil
}

func (w *watchedJobs) isNewer(job *sealwirev1.Job) (bool, *problem) {
	if w.tool != "" && job.Tool != w.tool {
		return false, invalidAnswer(fmt.Sprintf("asked for jobs of %s, watch_jobs gives %s of %s", w.tool, job.JobId, job.Tool))
	}
	if !isKnownState(job.State) {
		return false, unknownState(job)
	}
	known := w.known[job.JobId]
	if invalid := checkSuccession(known, job); invalid != nil {
		return false, invalid
	}
	w.known[job.JobId] = job
	return known == nil || job.Revision > known.Revision, nil
}

// resumeFrom sets the time from which the next stream resumes, and forgets jobs that ended before.
func (w *watchedJobs) resumeFrom(at *timestamppb.Timestamp) {
	if !at.AsTime().After(w.resumeAt) {
		return
	}
	w.resumeAt, w.endedSince = at.AsTime(), at
	for id, job := range w.known {
		if isTerminal(job.State) && job.EndTime.AsTime().Before(w.resumeAt) {
			delete(w.known, id)
		}
	}
}

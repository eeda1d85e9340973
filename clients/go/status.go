package sealwire

import (
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// callFacts are what is known of a call that has failed. They turn problems into statuses (docs/proxy.md, Statuses): a
// call that may have had an effect never ends with UNAVAILABLE, which stubs repeat as a new intent.
type callFacts struct {
	tool string
	// repeatable is true if a call that is executed twice does no harm.
	repeatable bool
	requestID  string
	// jobID is set once the job has been accepted.
	jobID string
}

// toolFailed returns the status of a tool or a job that has failed, as its verified answer says.
func (f callFacts) toolFailed(e *sealwirev1.Error) error {
	p := problemOf(e)
	if p.code == codes.Unavailable && !f.repeatable {
		p.code = codes.Aborted
	}
	return f.err(p)
}

// failed returns the status of a call without a verified outcome.
func (f callFacts) failed(p *problem) error {
	if f.isOpen(p) {
		p = f.outcomeUnknown(p)
	}
	return f.err(p)
}

func (f callFacts) isOpen(p *problem) bool {
	if f.repeatable || p.ended {
		return false
	}
	switch p.reason {
	case reasonUnverified, reasonInvalid, "OUTCOME_UNKNOWN", "JOB_NOT_FOUND":
		return false
	}
	return f.jobID != "" || !p.notBegun
}

func (f callFacts) outcomeUnknown(cause *problem) *problem {
	what := "the call may have taken effect"
	if f.jobID != "" {
		what = "job " + f.jobID + " goes on"
	}
	message := fmt.Sprintf("%s; to get the outcome, repeat the call with the metadata %s: %s (%s)",
		what, requestIDKey, f.requestID, cause.message)
	return &problem{reason: "OUTCOME_UNKNOWN", code: codes.Unknown, message: message, wire: &sealwirev1.Error{
		Code:    code.Code_FAILED_PRECONDITION,
		Reason:  sealwirev1.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN,
		Message: message,
	}}
}

func (f callFacts) err(p *problem) error {
	switch p.reason {
	case reasonUnverified:
		return &UnverifiedError{Problem: p.message, Tool: f.tool, RequestID: f.requestID, JobID: f.jobID}
	case "OUTCOME_UNKNOWN":
		return f.status(codes.Unknown, p.reason, p.message, p.wire).Err()
	}
	return f.status(p.code, p.reason, p.message, p.wire).Err()
}

// status builds a status whose details are those of a server's, and end with the server's error itself.
func (f callFacts) status(c codes.Code, reason, message string, e *sealwirev1.Error) *status.Status {
	if c == codes.OK {
		c = codes.Unknown
	}
	built := &spb.Status{Code: int32(c), Message: message}
	add := func(detail proto.Message) {
		if packed, err := anypb.New(detail); err == nil {
			built.Details = append(built.Details, packed)
		}
	}
	add(&errdetails.ErrorInfo{Reason: reason, Domain: errorDomain, Metadata: f.summary()})
	if e == nil {
		return status.FromProto(built)
	}
	if len(e.Violations) > 0 {
		bad := &errdetails.BadRequest{}
		for _, violation := range e.Violations {
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{
				Field: violation.Field, Description: violation.Message, Reason: violation.RuleId,
			})
		}
		add(bad)
	}
	if e.RetryDelay != nil {
		add(&errdetails.RetryInfo{RetryDelay: e.RetryDelay})
	}
	for _, detail := range e.Details {
		// A detail of the tool must not be taken for the server's error.
		if detail.TypeUrl != errorTypeURL {
			built.Details = append(built.Details, detail)
		}
	}
	add(e)
	return status.FromProto(built)
}

func (f callFacts) summary() map[string]string {
	summary := map[string]string{}
	for name, value := range map[string]string{"tool": f.tool, "request_id": f.requestID, "job_id": f.jobID} {
		if value != "" {
			summary[name] = value
		}
	}
	return summary
}

// notCalled returns the status of a call that was not sent.
func notCalled(c codes.Code, reason, format string, values ...any) error {
	return callFacts{}.status(c, reason, fmt.Sprintf(format, values...), nil).Err()
}

package sealwire

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// failure is the outcome of an attempt without an answer.
type failure struct {
	// refusal is the verified Response that refuses the call; nil if nothing verified came.
	refusal *sealwirev1.Response
	reason  string
	code    codes.Code
	message string
	// forged is true if the peer sent a frame that does not verify or contradicts its status.
	forged bool
	// unsent is true if the server has certainly not started the call.
	unsent bool
	// away is true if no connection could be made, for a reason that may pass.
	away bool
	// cut is true if the peer ended a watch with OK before its end.
	cut bool
}

func refused(response *sealwirev1.Response) *failure {
	e := response.Error
	return &failure{refusal: response, reason: reasonName(e.Reason), code: codes.Code(e.Code), message: e.Message}
}

func forged(problem string) *failure {
	return &failure{reason: reasonUnverified, code: codes.Unknown, message: problem, forged: true}
}

func (f *failure) problem() *problem {
	switch {
	case f.refusal == nil:
		return &problem{reason: f.reason, code: f.code, message: f.message}
	case f.reason == "REPLAYED":
		message := "request " + f.refusal.RequestId + " was delivered more than once on the way, so its outcome is unknown"
		return &problem{reason: "OUTCOME_UNKNOWN", code: codes.Unknown, message: message, wire: &sealwirev1.Error{
			Code: f.refusal.Error.Code, Reason: sealwirev1.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN, Message: message,
		}}
	default:
		return problemOf(f.refusal.Error)
	}
}

// tellsDelay reports whether a verified refusal has a retry delay.
func (f *failure) tellsDelay() bool {
	return f.refusal != nil && f.refusal.Error.Retryable && f.refusal.Error.RetryDelay != nil
}

// mayHaveRun reports whether the attempt may have been executed.
func (f *failure) mayHaveRun() bool {
	if f.refusal == nil {
		return !f.unsent
	}
	switch f.reason {
	case "ENVELOPE_INVALID", "UNSUPPORTED_VERSION", "CLIENT_MISMATCH", "AUDIENCE_MISMATCH", "CLOCK_SKEW",
		"FRESHNESS_UNKNOWN", "TOOL_FORBIDDEN", "TOOL_RPC_MISMATCH", "ARGS_INVALID", "REQUEST_ID_REUSED",
		"TOOL_CHANGED", "RATE_LIMITED", "QUOTA_EXCEEDED":
		return false
	}
	return true
}

// isLostInMidCall reports whether the connection was lost while the server may have executed the call.
func (f *failure) isLostInMidCall() bool {
	return f.refusal == nil && !f.forged && !f.unsent && f.reason == reasonUnreachable
}

// isOutOfService reports whether this server drains or cannot be reached.
func (f *failure) isOutOfService() bool {
	return f.isDraining() || f.refusal == nil && !f.forged && f.reason == reasonUnreachable
}

func (f *failure) isDraining() bool {
	return f.refusal != nil && f.reason == "DRAINING" && f.refusal.Error.Retryable
}

// isPassing reports whether another attempt may succeed after an unsigned status: after a lost or reset connection, an
// overloaded peer, the time limit of a gateway.
func (f *failure) isPassing() bool {
	if f.reason == "CANCELLED" {
		return false // The connection was closed here.
	}
	switch f.code {
	case codes.Unavailable, codes.Internal, codes.Canceled, codes.DeadlineExceeded:
		return true
	case codes.ResourceExhausted:
		if f.reason == "ARGS_INVALID" {
			return false
		}
		// grpc reports a message above a size limit, its own or the peer's, in this way.
		return !strings.Contains(strings.ToLower(f.message), "larger than max")
	}
	return false
}

// isRefused reports whether other credentials may mend the failure.
func (f *failure) isRefused() bool { return f.reason == reasonRefused || f.reason == "KEY_REVOKED" }

// readMessage verifies a frame.
func (a *attempt) readMessage(wire []byte, expected *Expected) (*sealwirev1.Response, *failure) {
	frame, err := ParseFrame(wire)
	if err != nil {
		return nil, forged(err.Error())
	}
	response, err := a.credentials.Verify(frame, expected)
	if err != nil {
		var problem *UnverifiedError
		errors.As(err, &problem)
		return nil, forged(problem.Problem)
	}
	return response, nil
}

// readAnswer reads an answer that came with gRPC OK. The status is not signed, so that the reason tells a refusal.
func (a *attempt) readAnswer(wire []byte, expected *Expected) (*sealwirev1.Response, *failure) {
	response, unread := a.readMessage(wire, expected)
	if unread == nil && isRefusal(response) {
		return nil, refused(response)
	}
	return response, unread
}

// isRefusal reports whether a verified answer says that the tool did not run. Only a tool that ran can report
// TOOL_FAILED, RESULT_TOO_LARGE and INTERNAL.
func isRefusal(response *sealwirev1.Response) bool {
	if response.Status != sealwirev1.Status_STATUS_ERROR || response.Result != nil || response.Error == nil {
		return false
	}
	switch response.Error.Reason {
	case sealwirev1.ErrorReason_ERROR_REASON_TOOL_FAILED, sealwirev1.ErrorReason_ERROR_REASON_RESULT_TOO_LARGE,
		sealwirev1.ErrorReason_ERROR_REASON_INTERNAL:
		return false
	}
	return true
}

// readFailure reads the signed frame in the details of a status, with which the status must agree.
func (a *attempt) readFailure(err error, expected *Expected) (*sealwirev1.Response, *failure) {
	told := status.Convert(err)
	var wire []byte
	info := &errdetails.ErrorInfo{}
	for _, detail := range told.Proto().GetDetails() {
		switch detail.TypeUrl {
		case callResponseURL, watchResponseURL:
			if wire == nil {
				wire = detail.Value
			}
		case errorInfoTypeURL:
			if proto.Unmarshal(detail.Value, info) != nil {
				return nil, forged("the details of the refusal cannot be read")
			}
		}
	}
	if wire == nil {
		return nil, readUnsigned(told, expected.RequestID)
	}
	response, unread := a.readMessage(wire, expected)
	if unread != nil {
		return nil, unread
	}
	if response.Ok || response.Error == nil {
		return nil, forged(fmt.Sprintf("the peer says %v but the signed answer reports no error", told.Code()))
	}
	if codes.Code(response.Error.Code) != told.Code() || !agrees(response.Error.Reason, info.Reason) {
		return nil, forged(fmt.Sprintf("the peer says %v %s but the signed answer reports %v %s",
			told.Code(), info.Reason, codes.Code(response.Error.Code), reasonName(response.Error.Reason)))
	}
	if !isRefusal(response) {
		return response, nil
	}
	return nil, refused(response)
}

// agrees reports whether the unsigned reason fits the signed one. It may be missing, and a new one has no name here.
func agrees(signed sealwirev1.ErrorReason, told string) bool {
	_, known := sealwirev1.ErrorReason_name[int32(signed)]
	return told == "" || !known || told == reasonName(signed)
}

// readUnsigned reads a status that anyone on the way can send. Its text is for people only.
func readUnsigned(told *status.Status, requestID string) *failure {
	said := fmt.Sprintf("%v: %s", told.Code(), oneLine(told.Message()))
	f := &failure{code: told.Code()}
	switch {
	case told.Code() == codes.Unavailable:
		f.reason, f.message = reasonUnreachable, fmt.Sprintf("no verified answer to request %s (%s)", requestID, said)
	case told.Code() == codes.Unauthenticated:
		f.reason, f.message = reasonRefused, fmt.Sprintf("the peer refuses request %s, unsigned (%s)", requestID, said)
	case told.Code() == codes.Internal && strings.Contains(told.Message(), "grpc-status-details-bin mismatch"):
		return forged("the status of the refusal contradicts its details")
	default:
		f.reason, f.message = reasonUnverified, fmt.Sprintf("the peer answers request %s unsigned (%s)", requestID, said)
	}
	return f
}

func oneLine(text string) string {
	const longest = 200
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}

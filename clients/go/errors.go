package sealwire

import (
	"errors"
	"slices"

	rpccode "google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// Reasons of this package's own; those of a server are the names of sealwirev1.ErrorReason without their prefix.
const (
	reasonUnreachable = "UNREACHABLE"
	reasonRefused     = "CREDENTIALS_REFUSED"
	reasonUnverified  = "RESPONSE_UNVERIFIED"
	reasonInvalid     = "RESPONSE_INVALID"
	reasonPrefix      = "ERROR_REASON_"
	errorDomain       = "sealwire"
	errorInfoTypeURL  = typeURLPrefix + "google.rpc.ErrorInfo"
	errorTypeURL      = typeURLPrefix + "sealwire.v1.Error"
	callResponseURL   = typeURLPrefix + "sealwire.v1.CallResponse"
	watchResponseURL  = typeURLPrefix + "sealwire.v1.WatchJobResponse"
)

// UnverifiedError is the error of a call whose answer is not signed for it, or was changed on the way. Nothing in the
// answer was used, and the call was not repeated. errors.As finds it; its gRPC status is DATA_LOSS.
type UnverifiedError struct {
	// Problem says what does not verify.
	Problem string
	// Tool is the tool that was called; empty from [Credentials.Verify].
	Tool string
	// RequestID names the intent of the call; empty from [Credentials.Verify].
	RequestID string
	// JobID is the job of the call, once it was accepted.
	JobID string
}

func unverified(problem string) *UnverifiedError { return &UnverifiedError{Problem: problem} }

// Error says what does not verify.
func (e *UnverifiedError) Error() string { return "sealwire: unverified: " + e.Problem }

// GRPCStatus returns DATA_LOSS with an ErrorInfo of reason RESPONSE_UNVERIFIED.
func (e *UnverifiedError) GRPCStatus() *status.Status {
	facts := callFacts{tool: e.Tool, requestID: e.RequestID, jobID: e.JobID}
	return facts.status(codes.DataLoss, reasonUnverified, e.Problem, nil)
}

// ErrorOf returns the server's signed error behind the error of a call or a job: its reason, the violations of the
// arguments, the retry delay. It returns nil if the server has not said why, as when it cannot be reached; [ReasonOf]
// tells such reasons, too.
func ErrorOf(err error) *sealwirev1.Error {
	// The server's own is the last.
	for _, detail := range slices.Backward(detailsOf(err)) {
		if found, ok := detail.(*sealwirev1.Error); ok {
			return found
		}
	}
	return nil
}

// ReasonOf returns the reason of a failed call, such as "ARGS_INVALID" or "UNREACHABLE"; docs/errors.md lists them. It
// returns "" for an error of anything else.
func ReasonOf(err error) string {
	for _, detail := range detailsOf(err) {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.Domain == errorDomain {
			return info.Reason
		}
	}
	return ""
}

func detailsOf(err error) []any {
	if err == nil {
		return nil
	}
	// status.Convert would make a status of any error.
	var failed interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &failed) {
		return nil
	}
	return failed.GRPCStatus().Details()
}

// problem is why a call has no outcome, before it becomes the status that the caller sees.
type problem struct {
	reason  string
	code    codes.Code
	message string
	// wire is the server's own error; nil if it has not said why.
	wire *sealwirev1.Error
	// notBegun is true if the call was certainly not executed.
	notBegun bool
	// ended is true if the caller's context has ended, whose status it has.
	ended bool
}

func (p *problem) Error() string { return p.message }

// problemOf makes a problem of a verified error.
func problemOf(e *sealwirev1.Error) *problem {
	return &problem{reason: reasonName(e.GetReason()), code: codes.Code(e.GetCode()), message: e.GetMessage(), wire: e}
}

func invalidAnswer(message string) *problem {
	return &problem{reason: reasonInvalid, code: codes.Internal, message: message}
}

func reasonName(reason sealwirev1.ErrorReason) string {
	name, known := sealwirev1.ErrorReason_name[int32(reason)]
	if !known {
		return "UNKNOWN_REASON"
	}
	return name[len(reasonPrefix):]
}

// ownError makes an error of a reason that servers know, too.
func ownError(c codes.Code, reason sealwirev1.ErrorReason, message string) *sealwirev1.Error {
	return &sealwirev1.Error{Code: rpccode.Code(c), Reason: reason, Message: message}
}

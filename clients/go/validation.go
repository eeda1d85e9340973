package sealwire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/grpc/codes"

	sealwirev1 "sealwire.dev/sealwire/gen/sealwire/v1"
)

// violationsMax is the number of violations that an error holds.
const violationsMax = 16

// invalidArgs returns the error for arguments that a validator refuses, or that cannot be encoded. It has the form of a
// server's ARGS_INVALID; the violations of protovalidate are among its details.
func (f callFacts) invalidArgs(err error) error {
	e := ownError(codes.InvalidArgument, sealwirev1.ErrorReason_ERROR_REASON_ARGS_INVALID, "the arguments are not valid, the call was not sent: "+err.Error())
	var found interface{ ToProto() *validate.Violations }
	if errors.As(err, &found) {
		all := found.ToProto().GetViolations()
		for _, violation := range all[:min(len(all), violationsMax)] {
			e.Violations = append(e.Violations, &sealwirev1.FieldViolation{
				Field: fieldPath(violation.GetField()), RuleId: violation.GetRuleId(), Message: violation.GetMessage(),
			})
		}
		e.ViolationsOmitted = int32(max(0, len(all)-violationsMax))
	}
	return f.err(problemOf(e))
}

// fieldPath returns the text of a path, such as `numbers[3]`.
func fieldPath(path *validate.FieldPath) string {
	var text strings.Builder
	for _, element := range path.GetElements() {
		if text.Len() > 0 {
			text.WriteByte('.')
		}
		text.WriteString(element.GetFieldName())
		switch key := element.GetSubscript().(type) {
		case *validate.FieldPathElement_Index:
			fmt.Fprintf(&text, "[%d]", key.Index)
		case *validate.FieldPathElement_BoolKey:
			fmt.Fprintf(&text, "[%t]", key.BoolKey)
		case *validate.FieldPathElement_IntKey:
			fmt.Fprintf(&text, "[%d]", key.IntKey)
		case *validate.FieldPathElement_UintKey:
			fmt.Fprintf(&text, "[%d]", key.UintKey)
		case *validate.FieldPathElement_StringKey:
			fmt.Fprintf(&text, "[%s]", strconv.Quote(key.StringKey))
		}
	}
	return text.String()
}

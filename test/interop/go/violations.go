package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"

	interoppb "example.com/sealwire-client/gen/interop/v1"
	demopb "example.com/sealwire-client/gen/sealwire/demo/v1"
	systempb "example.com/sealwire-client/gen/sealwire/system/v1"
	pb "example.com/sealwire-client/gen/sealwire/v1"
	"example.com/sealwire-client/sealwire"
)

var invalid = []struct {
	tool         string
	args, result proto.Message
}{
	{"batch_sum", &demopb.BatchSumRequest{}, &demopb.BatchSumResponse{}},
	{"batch_sum", &demopb.BatchSumRequest{Numbers: []float64{1, math.NaN(), 2, math.Inf(-1)}}, &demopb.BatchSumResponse{}},
	{"batch_sum", &demopb.BatchSumRequest{Numbers: make([]float64, 10_001)}, &demopb.BatchSumResponse{}},
	{"start_long_task", &demopb.StartLongTaskRequest{}, &demopb.StartLongTaskResponse{}},
	{"start_long_task", &demopb.StartLongTaskRequest{Seconds: 21}, &demopb.StartLongTaskResponse{}},
	{"poll_job", &systempb.PollJobRequest{WaitMs: 45_001, AfterRevision: -1}, &systempb.PollJobResponse{}},
	{"poll_job", &systempb.PollJobRequest{JobId: strings.Repeat("j", 129), WaitMs: -1}, &systempb.PollJobResponse{}},
	{"list_jobs", &systempb.ListJobsRequest{States: []pb.JobState{0, 1, 9}, PageSize: 501}, &systempb.ListJobsResponse{}},
	{
		"list_jobs",
		&systempb.ListJobsRequest{
			States:    slices.Repeat([]pb.JobState{1}, 9),
			Tool:      strings.Repeat("t", 129),
			PageToken: strings.Repeat("p", 513),
		},
		&systempb.ListJobsResponse{},
	},
	{"refuse", &interoppb.RefuseRequest{}, &interoppb.RefuseResponse{}},
	{"refuse", &interoppb.RefuseRequest{Text: "because ☺ 😈"}, &interoppb.RefuseResponse{}},
}

// checkViolations shows that protovalidate finds before sending what the server would find.
func checkViolations(ctx context.Context, client *sealwire.Client) error {
	for _, each := range invalid {
		var found, told []string
		var broken *protovalidate.ValidationError
		if err := protovalidate.Validate(each.args); !errors.As(err, &broken) {
			return fmt.Errorf("%s: not a validation error: %w", each.tool, err)
		}
		for _, violation := range broken.Violations {
			field := protovalidate.FieldPathString(violation.Proto.GetField())
			found = append(found, field+" "+violation.Proto.GetRuleId())
		}
		var failure *sealwire.Failure
		if _, err := client.Call(ctx, each.tool, each.args, each.result); !errors.As(err, &failure) {
			return fmt.Errorf("%s: not refused: %w", each.tool, err)
		}
		for _, violation := range failure.Details.Violations {
			told = append(told, violation.Field+" "+violation.RuleId)
		}
		slices.Sort(found)
		slices.Sort(told)
		if !slices.Equal(found, told) {
			return fmt.Errorf("%s: found %q, the server %q", each.tool, found, told)
		}
	}
	fmt.Printf("%d messages, the same violations\n", len(invalid))
	return nil
}

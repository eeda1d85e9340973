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
		found, err := violationsOf(each.args)
		if err != nil {
			return err
		}
		var failure *sealwire.Failure
		if _, err := client.Call(ctx, each.tool, each.args, each.result); !errors.As(err, &failure) {
			return fmt.Errorf("%s: not refused: %w", each.tool, err)
		}
		var told []string
		for _, violation := range failure.Details.Violations {
			told = append(told, violation.Field+" "+violation.RuleId)
		}
		slices.Sort(told)
		if len(found) == 0 || !slices.Equal(found, told) {
			return fmt.Errorf("%s: found %q, the server %q", each.tool, found, told)
		}
	}
	fmt.Printf("%d messages, the same violations\n", len(invalid))
	return nil
}

// violationsOf lists the fields at fault with the rules they break.
func violationsOf(args proto.Message) ([]string, error) {
	err := protovalidate.Validate(args)
	var broken *protovalidate.ValidationError
	if !errors.As(err, &broken) {
		return nil, err
	}
	var found []string
	for _, violation := range broken.Violations {
		found = append(found, protovalidate.FieldPathString(violation.Proto.GetField())+" "+violation.Proto.GetRuleId())
	}
	slices.Sort(found)
	return found, nil
}

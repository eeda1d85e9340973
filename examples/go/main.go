// Command sealwire-client calls each kind of tool once: go run . CREDENTIALS
package main

import (
	"context"
	"fmt"
	"log"
	"math"
	"os"

	"google.golang.org/protobuf/types/known/structpb"
	"sealwire.dev/sealwire"
	demov1 "sealwire.dev/sealwire/gen/sealwire/demo/v1"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go run . CREDENTIALS")
	}
	ctx := context.Background()
	client := must(sealwire.NewClient(os.Args[1]))
	defer client.Close()
	fmt.Printf("server %s, fingerprint as in the credentials\n", must(client.Identify(ctx)).ServerId)

	demo := demov1.NewDemoToolServiceClient(client)
	sum := must(demo.BatchSum(ctx, &demov1.BatchSumRequest{Numbers: []float64{1, 2, 3.5}}))
	fmt.Printf("%d numbers, %g in all\n", sum.Count, sum.Total)
	_, err := demo.BatchSum(ctx, &demov1.BatchSumRequest{Numbers: []float64{1, math.NaN(), math.Inf(1)}})
	fmt.Printf("refused: %s\n", sealwire.ReasonOf(err))
	for _, violation := range sealwire.ErrorOf(err).GetViolations() {
		fmt.Printf("  %s: %s\n", violation.Field, violation.RuleId)
	}

	payload := must(structpb.NewStruct(map[string]any{"greeting": "süß 🦭"}))
	job := must(client.Start(ctx, "start_long_task", &demov1.StartLongTaskRequest{Seconds: 3, Payload: payload}))
	for state, err := range job.Watch(ctx, 0) {
		must(state, err)
		fmt.Printf("job %s, revision %d\n", state.State.String()[len("JOB_STATE_"):], state.Revision)
	}
	output := must(sealwire.Result[*demov1.StartLongTaskResponse](ctx, job))
	fmt.Printf("greeting: %s\n", output.Payload.Fields["greeting"].GetStringValue())

	second := must(client.Start(ctx, "start_long_task", &demov1.StartLongTaskRequest{Seconds: 20}))
	must(second.Cancel(ctx))
	fmt.Printf("second job %s\n", sealwire.ReasonOf(second.Result(ctx, output)))
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// Command sealwire-client calls every kind of tool once: go run . CREDENTIALS
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"os/signal"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"

	demopb "example.com/sealwire-client/gen/sealwire/demo/v1"
	systempb "example.com/sealwire-client/gen/sealwire/system/v1"
	pb "example.com/sealwire-client/gen/sealwire/v1"
	"example.com/sealwire-client/sealwire"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go run . CREDENTIALS")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, path string) error {
	credentials, err := sealwire.LoadCredentials(path)
	if err != nil {
		return err
	}
	// For TLS, use credentials.NewTLS(nil) from grpc/credentials.
	client, err := sealwire.NewClient(credentials, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer client.Conn.Close()
	for _, step := range []func(context.Context, *sealwire.Client) error{identify, addUp, runJob, cancelJob} {
		if err := step(ctx, client); err != nil {
			return err
		}
	}
	return nil
}

func identify(ctx context.Context, client *sealwire.Client) error {
	identity := &systempb.ServerIdentityResponse{}
	if _, err := client.Call(ctx, "server_identity", &systempb.ServerIdentityRequest{}, identity); err != nil {
		return err
	}
	if identity.Fingerprint != client.Credentials.ServerFingerprint {
		return fmt.Errorf("%s is not the server that the credentials are for", identity.ServerId)
	}
	fmt.Printf("server %s, fingerprint as in the credentials\n", identity.ServerId)
	return nil
}

func addUp(ctx context.Context, client *sealwire.Client) error {
	sum := &demopb.BatchSumResponse{}
	if _, err := client.Call(ctx, "batch_sum", &demopb.BatchSumRequest{Numbers: []float64{1, 2, 3.5}}, sum); err != nil {
		return err
	}
	fmt.Printf("%d numbers, %g in all\n", sum.Count, sum.Total)

	bad := &demopb.BatchSumRequest{Numbers: []float64{1, math.NaN(), math.Inf(1)}}
	_, err := client.Call(ctx, "batch_sum", bad, sum)
	var failure *sealwire.Failure
	if !errors.As(err, &failure) || !failure.Refused {
		return fmt.Errorf("this should have been refused, but: %w", err)
	}
	fmt.Printf("refused: %s\n", strings.TrimPrefix(failure.Details.Reason.String(), "ERROR_REASON_"))
	for _, violation := range failure.Details.Violations {
		fmt.Printf("  %s: %s\n", violation.Field, violation.RuleId)
	}
	for _, detail := range failure.Details.Details {
		fmt.Printf("  %s\n", detail.MessageName())
	}
	return nil
}

func runJob(ctx context.Context, client *sealwire.Client) error {
	payload, err := structpb.NewStruct(map[string]any{"greeting": "süß 🦭"})
	if err != nil {
		return err
	}
	job, err := start(ctx, client, &demopb.StartLongTaskRequest{Seconds: 3, Payload: payload})
	if err != nil {
		return err
	}
	var revision int64
	for state, err := range client.Watch(ctx, job.JobId, 0) {
		if err != nil {
			return err
		}
		show(state)
		revision = state.Job.Revision
		if state.Job.State == pb.JobState_JOB_STATE_RUNNING {
			break
		}
	}
	// A watch can be stopped and resumed at any time, by this process or by another one that knows the job's id.
	end, err := follow(ctx, client, job.JobId, revision, show)
	if err != nil {
		return err
	}
	result := &demopb.StartLongTaskResponse{}
	if err := end.Output.UnmarshalTo(result); err != nil {
		return fmt.Errorf("the job failed: %s", end.Job.GetError().GetMessage())
	}
	fmt.Printf("greeting: %s\n", result.Payload.Fields["greeting"].GetStringValue())
	return nil
}

func cancelJob(ctx context.Context, client *sealwire.Client) error {
	job, err := start(ctx, client, &demopb.StartLongTaskRequest{Seconds: 20})
	if err != nil {
		return err
	}
	cancel := &systempb.CancelJobRequest{JobId: job.JobId}
	if _, err := client.Call(ctx, "cancel_job", cancel, &systempb.CancelJobResponse{}); err != nil {
		return err
	}
	end, err := follow(ctx, client, job.JobId, 0, func(*systempb.WatchJobResponse) {})
	if err != nil {
		return err
	}
	fmt.Printf("second job %s\n", name(end.Job.State))
	return nil
}

func start(ctx context.Context, client *sealwire.Client, task *demopb.StartLongTaskRequest) (*pb.Job, error) {
	response, err := client.Call(ctx, "start_long_task", task, &demopb.StartLongTaskResponse{})
	return response.GetJob(), err
}

// follow watches a job to its end, resumes the watch after each interruption and returns the last state.
func follow(ctx context.Context, client *sealwire.Client, jobID string, revision int64, see func(*systempb.WatchJobResponse)) (*systempb.WatchJobResponse, error) {
	for attempt := 1; ; attempt++ {
		if revision > 0 {
			fmt.Printf("watch resumed after revision %d\n", revision)
		}
		var last *systempb.WatchJobResponse
		for state, err := range client.Watch(ctx, jobID, revision) {
			if errors.Is(err, sealwire.ErrInterrupted) {
				break
			}
			if err != nil {
				return nil, err
			}
			see(state)
			last, revision, attempt = state, state.Job.Revision, 1
		}
		if last != nil && sealwire.Terminal(last.Job.State) {
			return last, nil
		}
		if err := sealwire.Sleep(ctx, sealwire.Backoff(attempt)); err != nil {
			return nil, err
		}
	}
}

func show(state *systempb.WatchJobResponse) {
	fmt.Printf("job %s, revision %d\n", name(state.Job.State), state.Job.Revision)
}

func name(state pb.JobState) string {
	return strings.TrimPrefix(state.String(), "JOB_STATE_")
}

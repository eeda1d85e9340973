package sealwire_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"sealwire.dev/sealwire"
	demov1 "sealwire.dev/sealwire/gen/sealwire/demo/v1"
)

// credentials are those of the protocol's worked example.
const credentials = `{
  "address": "127.0.0.1:50051",
  "server_id": "calculator",
  "server_fingerprint": "7a65660018fbb41fdc3a118fe3b1ae33",
  "client_id": "reports",
  "key_id": "k_example",
  "request_key": "sws_Xwg8j83C9jtDxDUPMzPVyWyRqbeTAE2UodT5SXvjx30",
  "response_key": "swr_uhG74BBdwgdvdKBMHVTK9m_knQMKtGvdpvv__NGhp-w"
}`

func ExampleNewClient() {
	client, err := sealwire.NewClient(".sealwire/client.json")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	sum, err := demov1.NewDemoToolServiceClient(client).
		BatchSum(context.Background(), &demov1.BatchSumRequest{Numbers: []float64{1, 2, 3.5}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sum.Total)
}

func ExampleDialOptions() {
	creds, err := sealwire.OpenCredentials(".sealwire/client.json", nil)
	if err != nil {
		log.Fatal(err)
	}
	conn, err := grpc.NewClient(creds.Current().Target(), sealwire.DialOptions(creds)...)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
}

func ExampleErrorOf() {
	var client *sealwire.Client
	_, err := demov1.NewDemoToolServiceClient(client).BatchSum(context.Background(), &demov1.BatchSumRequest{})
	var unverified *sealwire.UnverifiedError
	switch {
	case errors.As(err, &unverified):
		log.Fatal("somebody else answers: ", unverified.Problem)
	case sealwire.ReasonOf(err) == "ARGS_INVALID":
		for _, violation := range sealwire.ErrorOf(err).GetViolations() {
			log.Print(violation.Field, ": ", violation.Message)
		}
	}
}

func ExampleClient_Start() {
	var client *sealwire.Client
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	job, err := client.Start(sealwire.WithRequestID(ctx, "nightly-report"), "start_long_task", &demov1.StartLongTaskRequest{Seconds: 3})
	if err != nil {
		log.Fatal(err)
	}
	for state, err := range job.Watch(ctx, 0) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(state.State, state.Progress.GetCompleted())
	}
	output, err := sealwire.Result[*demov1.StartLongTaskResponse](ctx, job)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(output.Payload)
}

func ExampleWithValidator() {
	check := sealwire.ValidatorFunc(func(args proto.Message) error {
		return nil // protovalidate.Validate(args)
	})
	client, err := sealwire.NewClient(".sealwire/client.json", sealwire.WithValidator(check))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
}

func ExampleWithRequestID() {
	ctx := sealwire.WithRequestID(context.Background(), "nightly-report")
	sent, _ := metadata.FromOutgoingContext(ctx)
	fmt.Println(sent["sealwire-request-id"])
	// Output: [nightly-report]
}

func ExampleParseCredentials() {
	parsed, err := sealwire.ParseCredentials([]byte(credentials))
	if err != nil {
		log.Fatal(err)
	}
	// Their text does not show the keys.
	fmt.Println(parsed)
	fmt.Printf("%v\n", parsed.RequestKey)
	// Output:
	// client reports with key k_example of server calculator at 127.0.0.1:50051
	// (secret)
}

func ExampleCredentials_Sign() {
	parsed, err := sealwire.ParseCredentials([]byte(credentials))
	if err != nil {
		log.Fatal(err)
	}
	envelope := []byte("the bytes of an Envelope, exactly as they are sent")
	frame := parsed.Sign(sealwire.CallMethod, envelope)
	fmt.Printf("%s %x\n", frame.KeyID, frame.Signature[:4])
	// Output: k_example 6fc7fa07
}

func ExamplePAE() {
	fmt.Printf("%s\n", sealwire.PAE([]byte("request"), []byte("süß")))
	// Output: mcp/0.1 2 7 request 5 süß
}

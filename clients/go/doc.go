// Package sealwire calls the tools of a Sealwire server: every call is signed, and every answer is verified before it is
// used. Tools are methods of ordinary protobuf services, and are called through ordinary generated stubs.
//
//	client, err := sealwire.NewClient("client.json")
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	sum, err := demov1.NewDemoToolServiceClient(client).BatchSum(ctx, &demov1.BatchSumRequest{Numbers: []float64{1, 2, 3.5}})
//
// [NewClient] makes a [Client], a grpc.ClientConnInterface. [DialOptions] do the same for a connection of grpc.NewClient.
//
// # What a call means
//
// A tool that is no job is one signed call. A unary method of a job starts the job, watches it, over restarts of the
// server too, and returns its output. A method of a job that streams its response sends messages with the job's progress,
// and then the output. A context that ends before the job ends the waiting, not the job; see [WithCancelOnAbandon]. The
// tools of sealwire.system.v1 are called in the same way, WatchJob and WatchJobs as streams. Methods of sealwire.v1,
// grpc.health.v1 and grpc.reflection are passed on as they are. Any other method is UNIMPLEMENTED, and the error names the
// tools that there are.
//
// Which methods are tools is known from the server's signed list_tools, which is fetched again while it is used.
//
// # Intents
//
// Every call has a request id. Attempts that fail are repeated under it, each with a new signature, until the context
// ends or the client's time-out has passed, and the server carries the intent out once. The ids are in the headers and
// the trailers of the call, sealwire-request-id and sealwire-job-id. Choose the id with [WithRequestID] to repeat a call
// in another process.
//
// # Errors
//
// A failed call is a gRPC status. [ErrorOf] returns the server's signed error, with the violations of the arguments, and
// [ReasonOf] the reason. An answer that does not verify is an [UnverifiedError], of status DATA_LOSS. UNAVAILABLE means
// that the call has not begun, or may be repeated without harm. A call that may have had an effect without an answer is
// UNKNOWN with the reason OUTCOME_UNKNOWN: repeat it with its request id to get its outcome.
//
// # Jobs
//
// [Client.Start] returns a [Job] without waiting for its end, and [Client.Job] finds one by its id: its state, its watch,
// its result, its cancellation. [Client.Jobs] lists the jobs, [Client.WatchJobs] follows all of them.
//
// # Credentials
//
// A credentials file is read again when it has changed, and once more before a call fails because its key is refused, so
// that a rotated key needs no restart. A file that other users can read is refused.
package sealwire

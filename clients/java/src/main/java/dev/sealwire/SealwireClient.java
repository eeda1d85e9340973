package dev.sealwire;

import com.google.protobuf.Message;
import dev.sealwire.system.v1.ListJobsRequest;
import dev.sealwire.system.v1.SystemToolServiceGrpc;
import dev.sealwire.system.v1.WatchJobsRequest;
import dev.sealwire.v1.Job;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Calls tools by their names and handles jobs. Safe for use by several threads. Methods throw
 * {@link io.grpc.StatusRuntimeException}, about which {@link SealwireErrors} tells more.
 *
 * <pre>{@code
 * try (var client = Sealwire.client(Path.of(".sealwire/client.json"))) {
 *   var job = client.start("start_long_task", StartLongTaskRequest.newBuilder().setSeconds(3).build());
 *   try (var watch = job.watch()) {
 *     watch.forEachRemaining(state -> System.out.println(state.getState()));
 *   }
 *   var output = job.result(StartLongTaskResponse.getDefaultInstance());
 * }
 * }</pre>
 */
public final class SealwireClient implements AutoCloseable {
  private final SealwireChannel channel;

  /**
   * Makes a client of a channel, which it closes when it is closed.
   *
   * @param channel the channel
   */
  public SealwireClient(SealwireChannel channel) {
    this.channel = channel;
  }

  /**
   * Returns the channel, for generated stubs.
   *
   * @return the channel of this client
   */
  public SealwireChannel channel() {
    return channel;
  }

  /**
   * Calls a tool and waits for its output. A job tool is started, and watched to its end.
   *
   * @param <T> the tool's response message
   * @param tool the name of the tool, such as {@code batch_sum}
   * @param request the tool's request message
   * @param responseType the default instance of its response message
   * @return the verified output
   */
  public <T extends Message> T call(String tool, Message request, T responseType) {
    return call(tool, request, responseType, CallSettings.DEFAULT);
  }

  /**
   * Calls a tool with options and waits for its output. A job tool is started, and watched to its end.
   *
   * @param <T> the tool's response message
   * @param tool the name of the tool
   * @param request the tool's request message
   * @param responseType the default instance of its response message
   * @param settings the options
   * @return the verified output
   */
  public <T extends Message> T call(String tool, Message request, T responseType, CallSettings settings) {
    var method = method(tool, responseType);
    var options = settings.options().withOption(NamedTool.KEY, named(tool, request, responseType, false));
    var attach = MetadataUtils.newAttachHeadersInterceptor(settings.headers());
    return ClientCalls.blockingUnaryCall(ClientInterceptors.intercept(channel, attach), method, options, request);
  }

  /**
   * Calls a tool without waiting. Cancelling the future cancels the call; the job of a job tool goes on.
   *
   * @param <T> the tool's response message
   * @param tool the name of the tool
   * @param request the tool's request message
   * @param responseType the default instance of its response message
   * @param settings the options
   * @return completes with the verified output
   */
  public <T extends Message> CompletableFuture<T> callAsync(
      String tool, Message request, T responseType, CallSettings settings) {
    return send(method(tool, responseType), named(tool, request, responseType, false), request, settings);
  }

  /**
   * Starts a job and waits until it is accepted. From then on it survives a crash of the server and of this program.
   *
   * @param tool the name of a job tool
   * @param request the tool's request message
   * @return the handle of the job
   */
  public JobHandle start(String tool, Message request) {
    return start(tool, request, CallSettings.DEFAULT);
  }

  /**
   * Starts a job with options and waits until it is accepted.
   *
   * @param tool the name of a job tool
   * @param request the tool's request message
   * @param settings the options
   * @return the handle of the job
   */
  public JobHandle start(String tool, Message request, CallSettings settings) {
    var type = Job.getDefaultInstance();
    var options = settings.options().withOption(NamedTool.KEY, named(tool, request, type, true));
    var attach = MetadataUtils.newAttachHeadersInterceptor(settings.headers());
    var intercepted = ClientInterceptors.intercept(channel, attach);
    return new JobHandle(channel, ClientCalls.blockingUnaryCall(intercepted, method(tool, type), options, request));
  }

  /**
   * Starts a job without waiting.
   *
   * @param tool the name of a job tool
   * @param request the tool's request message
   * @param settings the options
   * @return completes with the handle once the job is accepted
   */
  public CompletableFuture<JobHandle> startAsync(String tool, Message request, CallSettings settings) {
    var type = Job.getDefaultInstance();
    return send(method(tool, type), named(tool, request, type, true), request, settings)
        .thenApply(job -> new JobHandle(channel, job));
  }

  /**
   * Makes the handle of a job that was started before, also by another process of the same client. Nothing is sent.
   *
   * @param jobId the id of the job
   * @return the handle
   */
  public JobHandle job(String jobId) {
    return new JobHandle(channel, jobId);
  }

  /**
   * Lists the client's jobs, newest first.
   *
   * @param filter the states, the tool and the size of a page, 500 at most; the default instance for all jobs
   * @return the jobs of all pages
   */
  public List<Job> jobs(ListJobsRequest filter) {
    var stub = SystemToolServiceGrpc.newBlockingStub(channel);
    var jobs = new ArrayList<Job>();
    var page = stub.listJobs(filter);
    jobs.addAll(page.getJobsList());
    while (!page.getNextPageToken().isEmpty()) {
      page = stub.listJobs(filter.toBuilder().setPageToken(page.getNextPageToken()).build());
      jobs.addAll(page.getJobsList());
    }
    return jobs;
  }

  /**
   * Follows all jobs of the client: each open job, then each newer state of any job. Resumes by itself, and misses no end of
   * a job. It does not end by itself: close it.
   *
   * @param request the tool, and since when jobs have ended that are to be reported, too; the default instance for all
   *     open jobs
   * @return the states
   */
  public Watch<Job> watchJobs(WatchJobsRequest request) {
    var known = new KnownJobs();
    return new Watch<>(() -> SystemToolServiceGrpc.newBlockingStub(channel).watchJobs(request), known::newer);
  }

  /** Ends all open calls and watches with CANCELLED, and closes the connections. Jobs go on. */
  @Override
  public void close() {
    channel.close();
  }

  private <T extends Message> CompletableFuture<T> send(
      MethodDescriptor<Message, T> method, NamedTool named, Message request, CallSettings settings) {
    var attach = MetadataUtils.newAttachHeadersInterceptor(settings.headers());
    var options = settings.options().withOption(NamedTool.KEY, named);
    ClientCall<Message, T> call = ClientInterceptors.intercept(channel, attach).newCall(method, options);
    var reply = new Reply<>(call);
    ClientCalls.asyncUnaryCall(call, request, reply);
    return reply;
  }

  private static NamedTool named(String tool, Message request, Message response, boolean isStart) {
    return new NamedTool(ToolMethod.unlisted(tool, typeUrl(request), typeUrl(response)), isStart);
  }

  private static String typeUrl(Message message) {
    return Intent.TYPE_URL_PREFIX + message.getDescriptorForType().getFullName();
  }

  /** A method for the call, whose name is never sent. */
  private static <T extends Message> MethodDescriptor<Message, T> method(String tool, T responseType) {
    return MethodDescriptor.newBuilder(RequestMarshaller.INSTANCE, ProtoUtils.marshaller(responseType))
        .setFullMethodName("sealwire.tool/" + tool)
        .setType(MethodType.UNARY)
        .build();
  }
}

package dev.sealwire;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import dev.sealwire.system.v1.WatchJobResponse;
import dev.sealwire.v1.ErrorReason;
import dev.sealwire.v1.Job;
import dev.sealwire.v1.JobState;
import dev.sealwire.v1.Response;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.grpc.Status.Code;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * A native call, carried out as signed calls (docs/proxy.md, What a native call means). Its state is touched on one serial
 * executor only, which is the caller's, unless the call must go on after its caller has given up.
 */
final class SealwireCall<ReqT, RespT> extends ClientCall<ReqT, RespT> implements Connection.Open {
  /** A server's own DEADLINE_EXCEEDED may come so much before that of the caller. */
  private static final long CLOCKS_DIFFER_MS = 250;

  private final Connection connection;
  private final Endpoints endpoints;
  private final MethodDescriptor<ReqT, RespT> descriptor;
  private final CallOptions options;
  private final Context context = Context.current();
  private final Context.CancellationListener onContextEnd = ended -> contextEnded();
  private final SerialExecutor callbacks;
  private final NamedTool named;
  private final Deadline deadline;
  private SerialExecutor executor;
  private CallScope scope;
  private CallListener<RespT> listener;
  private Delivery<RespT> delivery;
  private CallIntent intent;
  private Future<?> timer;

  private ReqT request;
  private ToolMethod method;
  private ToolCall starting;
  private ResumedWatch<?> watch;
  private String jobId;
  private boolean isAbandoned;
  private volatile boolean isClosed;

  SealwireCall(
      Connection connection, Endpoints endpoints, MethodDescriptor<ReqT, RespT> descriptor, CallOptions options) {
    this.connection = connection;
    this.endpoints = endpoints;
    this.descriptor = descriptor;
    this.options = options;
    callbacks = new SerialExecutor(options.getExecutor() == null ? Threads.CALLBACKS : options.getExecutor());
    named = options.getOption(NamedTool.KEY);
    deadline = earlier(options.getDeadline(), context.getDeadline());
  }

  @Override
  public void start(Listener<RespT> given, Metadata headers) {
    Failure fault = null;
    try {
      intent = CallIntent.read(headers);
      Pins.checkCall(options.getOption(Sealwire.DEFINITION_DIGEST));
    } catch (FailureException e) {
      intent = new CallIntent("", false);
      fault = e.failure();
    }
    // A blocking stub runs its executor only while it waits. A stream that its caller leaves must end nevertheless.
    var isApart = intent.cancelOnAbandon() || descriptor.getType() != MethodType.UNARY;
    executor = isApart ? new SerialExecutor(Threads.WORK) : callbacks;
    scope = new CallScope(executor, options, CallMetadata.passedOn(headers), context.fork(), endpoints);
    listener = new CallListener<>(given, isApart ? callbacks : null, thrown -> cancel("A callback has thrown.", thrown));
    delivery = new Delivery<>(descriptor, listener);
    if (!descriptor.getType().clientSendsOneMessage()) fault = streamsRequests();
    if (fault != null) {
      var known = fault;
      executor.execute(() -> close(NativeStatus.before(known)));
      return;
    }
    connection.enter(this);
    context.addListener(onContextEnd, Runnable::run);
    if (deadline != null) {
      var leftMs = Math.max(0, deadline.timeRemaining(TimeUnit.MICROSECONDS)) / 1e3;
      timer = Threads.after(leftMs, () -> executor.execute(this::timeUp));
    }
  }

  @Override
  public void request(int count) {
    executor.execute(() -> {
      delivery.request(count);
      pump();
    });
  }

  @Override
  public void sendMessage(ReqT message) {
    request = message;
  }

  @Override
  public void halfClose() {
    executor.execute(this::begin);
  }

  @Override
  public void cancel(String message, Throwable cause) {
    if (executor == null) return;
    var why = message == null ? "The call was cancelled by its caller." : message;
    executor.execute(() -> abort(Status.CANCELLED.withDescription(why).withCause(cause)));
  }

  @Override
  public void abandon() {
    executor.execute(() -> abort(Status.CANCELLED.withDescription("The channel was closed.")));
  }

  private void contextEnded() {
    if (context.getDeadline() != null && context.getDeadline().isExpired()) executor.execute(this::timeUp);
    else cancel("The context was cancelled.", context.cancellationCause());
  }

  private void begin() {
    if (isClosed) return;
    if (request == null) {
      close(NativeStatus.before(Failure.of(ErrorReason.ERROR_REASON_ENVELOPE_INVALID, Code.UNIMPLEMENTED,
          descriptor.getFullMethodName() + " takes one request message, and none was sent.")));
      return;
    }
    var violations = request instanceof Message message ? connection.options().check().apply(message) : null;
    if (violations != null && !violations.isEmpty()) {
      close(NativeStatus.before(RequestCheck.failureOf(violations)));
      return;
    }
    var lookup = new MethodLookup(connection.contracts(), endpoints, executor, this::pinOf);
    if (named == null) lookup.byPath(descriptor.getFullMethodName(), this::found);
    else lookup.byTool(named, this::found);
  }

  private void found(ToolMethod listed, Failure failure) {
    if (isClosed) return;
    if (failure != null) close(NativeStatus.before(failure));
    else call(listed);
  }

  private void call(ToolMethod listed) {
    method = listed;
    ByteString args;
    String definitionDigest;
    try {
      definitionDigest = Pins.digestToSend(method, pinOf(method.tool()));
      args = RequestBytes.of(descriptor, request);
      request = null;
      if (EncodedWatch.isWatch(method.tool())) {
        watchNatively(new Watched.Request(method.tool(), method.inputType(), args));
        return;
      }
    } catch (FailureException e) {
      close(NativeStatus.before(e.failure()));
      return;
    }
    var limitMs = connection.options().timeoutMs();
    var isBound = !cancelsJob();
    if (isBound && deadline != null) limitMs = Math.min(limitMs, Math.max(1, leftMs()));
    var signed = new Intent(method.tool(), method.inputType(), args, intent.requestId(), definitionDigest);
    starting = new ToolCall(connection, scope, signed, limitMs, this::answered);
    starting.start();
  }

  /** The accepted definition of a tool; null if any is. */
  private String pinOf(String tool) {
    var own = options.getOption(Sealwire.DEFINITION_DIGEST);
    return own == null ? connection.options().pins().get(tool) : own;
  }

  private void answered(Response response, Failure failure) {
    starting = null;
    if (isAbandoned) {
      if (response != null && response.hasJob()) {
        JobCancellation.send(connection, scope, response.getJob().getJobId());
      }
      return;
    }
    if (failure != null) fail(failure);
    else if (response.hasResult()) answer(response.getResult());
    else if (!response.getOk()) finish(NativeStatus.ofTool(JobAnswers.failureOf(response), known()));
    else if (response.hasJob()) follow(response.getJob());
    else fail(Failure.invalid("The answer of " + method.tool() + " holds no result."));
  }

  /** Watches the accepted job to its end. */
  private void follow(Job job) {
    jobId = job.getJobId();
    delivery.headers(ids());
    if (named != null && named.isStart()) {
      complete(job.toByteString());
      return;
    }
    var isStream = descriptor.getType() == MethodType.SERVER_STREAMING;
    var progress = new ProgressMessages(isStream ? method.progressField() : 0);
    var target = new WatchedJob(jobId, true, 0, connection.options().heartbeatIntervalMs());
    watch = new ResumedWatch<>(connection, scope, target, new ResumedWatch.Receiver<>() {
      @Override
      public void onItem(WatchJobResponse item) {
        stateOf(item, progress);
      }

      @Override
      public void onEnd(Failure failure) {
        watch = null;
        if (failure != null) fail(failure);
      }
    });
    watch.start();
    pump();
  }

  private void stateOf(WatchJobResponse state, ProgressMessages progress) {
    var job = state.getJob();
    if (job.getState() == JobState.JOB_STATE_SUCCEEDED) {
      answer(state.getOutput());
    } else if (JobAnswers.isTerminal(job.getState())) {
      finish(NativeStatus.ofTool(JobAnswers.failureOf(job), known()));
    } else {
      var message = progress.of(job);
      if (message != null) add(message);
      pump();
    }
  }

  /** Passes the messages of a system tool on. */
  private void watchNatively(Watched.Request first) {
    var target = EncodedWatch.of(first, connection.options().heartbeatIntervalMs());
    delivery.prepare(ids());
    watch = new ResumedWatch<>(connection, scope, target, new ResumedWatch.Receiver<>() {
      @Override
      public void onItem(ByteString item) {
        add(item);
        pump();
      }

      @Override
      public void onEnd(Failure failure) {
        watch = null;
        if (failure != null) fail(failure);
        else finish(new NativeStatus(Status.OK, ids()));
      }
    });
    watch.start();
    pump();
  }

  private void answer(Any output) {
    if (!output.getTypeUrl().equals(method.outputType())) {
      fail(Failure.unverified(Code.DATA_LOSS, "The answer cannot be trusted: its result is not that of " + method.tool() + "."));
      return;
    }
    complete(output.getValue());
  }

  private void complete(ByteString message) {
    delivery.prepare(ids());
    if (add(message)) finish(new NativeStatus(Status.OK, ids()));
  }

  /** Takes a message for the caller. Fails the call and returns false if it is not of the method's type. */
  private boolean add(ByteString message) {
    try {
      delivery.add(message);
      return true;
    } catch (RuntimeException e) {
      fail(Failure.invalid("The answer of " + method.tool() + " cannot be read by its contract: " + e.getMessage()));
      return false;
    }
  }

  /** Gives messages as they are requested, then the end; asks the watch for more. */
  private void pump() {
    if (isClosed) return;
    var ending = delivery.give();
    if (ending != null) close(ending);
    else if (watch != null && delivery.isHungry()) watch.request();
  }

  private void fail(Failure failure) {
    if (isCallersTime(failure)) timeUp();
    else finish(NativeStatus.ofCall(failure, known()));
  }

  private void finish(NativeStatus status) {
    delivery.end(status);
    if (watch != null) watch.cancel();
    watch = null;
    pump();
  }

  private boolean isCallersTime(Failure failure) {
    if (deadline == null) return false;
    return deadline.isExpired() || failure.code() == Code.DEADLINE_EXCEEDED && leftMs() < CLOCKS_DIFFER_MS;
  }

  private void timeUp() {
    var what = jobId != null ? "; job " + jobId + " goes on" : "; its outcome is unknown";
    abort(Status.DEADLINE_EXCEEDED.withDescription("No verified answer within the deadline of the call"
        + (cancelsJob() ? "" : what) + ". Its request id is " + intent.requestId() + "."));
  }

  /** Ends the call early. */
  private void abort(Status status) {
    if (isClosed) return;
    isAbandoned = true;
    if (watch != null) watch.cancel();
    // The start of a job that is to be cancelled goes on, so that its id is known.
    if (starting != null && !cancelsJob()) starting.cancel();
    if (cancelsJob() && jobId != null && !delivery.hasEnded()) JobCancellation.send(connection, scope, jobId);
    close(new NativeStatus(status, ids()));
  }

  private void close(NativeStatus status) {
    if (isClosed) return;
    isClosed = true;
    connection.leave(this);
    context.removeListener(onContextEnd);
    if (timer != null) timer.cancel(false);
    listener.close(status.status(), status.trailers());
  }

  /** True if the call has a job that is cancelled with it. */
  private boolean cancelsJob() {
    return intent.cancelOnAbandon() && method != null && method.isJob();
  }

  private FailedCall known() {
    return new FailedCall(method.tool(), method.isRepeatable(), intent.requestId(), jobId);
  }

  private Metadata ids() {
    return CallMetadata.answer(intent.requestId(), jobId);
  }

  private long leftMs() {
    return deadline.timeRemaining(TimeUnit.MILLISECONDS);
  }

  private Failure streamsRequests() {
    return Failure.of(ErrorReason.ERROR_REASON_TOOL_FORBIDDEN, Code.UNIMPLEMENTED,
        descriptor.getFullMethodName() + " streams its requests; a tool takes one request.");
  }

  private static Deadline earlier(Deadline one, Deadline other) {
    if (one == null) return other;
    return other == null ? one : one.minimum(other);
  }
}

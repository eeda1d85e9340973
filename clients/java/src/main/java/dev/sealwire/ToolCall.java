package dev.sealwire;

import dev.sealwire.v1.ErrorReason;
import dev.sealwire.v1.Response;
import io.grpc.ClientCall;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.Status.Code;
import java.lang.System.Logger.Level;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * One intent: signs and sends it as often as {@link Retries} allows. Everything runs on the executor of its scope. Ends with
 * a verified Response, whether ok or not, or with a Failure, unless it is cancelled.
 */
final class ToolCall {
  /** Takes the outcome. One of the two is null. */
  interface Receiver {
    void onEnd(Response response, Failure failure);
  }

  private static final System.Logger LOG = System.getLogger("dev.sealwire");

  private final Connection connection;
  private final CallScope scope;
  private final Intent intent;
  private final long limitMs;
  private final Deadline deadline;
  private final Receiver receiver;
  private final Retries retries;
  private int renewals;
  private boolean isOver;
  private ClientCall<byte[], byte[]> current;
  private Future<?> pause;

  /** {@code limitMs}: time for all attempts together. */
  ToolCall(Connection connection, CallScope scope, Intent intent, long limitMs, Receiver receiver) {
    this.connection = connection;
    this.scope = scope;
    this.intent = intent;
    this.limitMs = limitMs;
    this.receiver = receiver;
    deadline = Deadline.after(limitMs, TimeUnit.MILLISECONDS);
    retries = new Retries(connection.options().maxAttempts());
  }

  /** Makes the first attempt. */
  void start() {
    attempt();
  }

  /** Ends the call without telling the receiver. */
  void cancel() {
    isOver = true;
    if (pause != null) pause.cancel(false);
    if (current != null) current.cancel("The caller has given up.", null);
  }

  private void attempt() {
    if (isOver) return;
    var attempt = connection.signer().sign(Signing.CALL_METHOD, intent);
    var size = attempt.frame().size();
    if (size > ToolMethods.REQUEST_MOST) {
      end(null, tooLarge(size));
      return;
    }
    var trace = new SendTrace();
    try {
      current = scope.open(ToolMethods.CALL, deadline, trace, new Reply(attempt, trace));
      current.request(2);
      current.sendMessage(attempt.frame().toBytes());
      current.halfClose();
    } catch (RuntimeException e) {
      cancel();
      var failed = new Outcome.Unverified(scope.failureOf(e), false, trace.isUnsent(), false);
      end(null, retries.finalFailure(failed));
    }
  }

  private void proceed(SignedAttempt attempt, Outcome outcome) {
    if (isOver) return;
    if (outcome instanceof Outcome.Answer answer) {
      end(answer.response(), null);
      return;
    }
    var failed = (Outcome.Failed) outcome;
    retries.note(failed);
    if (renewals < Signer.RENEWALS_MAX && connection.signer().renew(attempt, failed.failure())) {
      renewals += 1;
      attempt();
      return;
    }
    if (deadline.isExpired()) {
      var known = retries.failureInTime(failed, limitMs);
      end(null, known == null ? timeUp() : known);
      return;
    }
    var remainingMs = deadline.timeRemaining(TimeUnit.MICROSECONDS) / 1e3;
    var delayMs = retries.delayAfter(failed, remainingMs, scope.endpoints().alternatives(),
        () -> failed instanceof Outcome.Refusal refusal
            && connection.signer().adoptServerTime(refusal.response().getTsMs(), attempt));
    if (delayMs == Retries.NEVER || !retries.allows(failed) || delayMs >= remainingMs || connection.isClosed()) {
      end(null, Pins.explain(retries.finalFailure(failed), intent));
      return;
    }
    LOG.log(Level.DEBUG, "retry of {0} in {1} ms: {2}", intent.tool(), delayMs, failed.failure().message());
    pause = Threads.after(delayMs, () -> scope.executor().execute(this::attempt));
  }

  private void end(Response response, Failure failure) {
    isOver = true;
    receiver.onEnd(response, failure);
  }

  private Failure timeUp() {
    var message = "No verified answer from " + intent.tool() + " within " + limitMs
        + " ms; its outcome is unknown, repeat it under the same request id " + intent.requestId() + ".";
    return Failure.of(ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED, Code.DEADLINE_EXCEEDED, message);
  }

  private static Failure tooLarge(int size) {
    var message = "The arguments make a request of " + size + " bytes; a server takes " + ToolMethods.REQUEST_MOST
        + " at most.";
    return new Failure("ARGS_INVALID", Code.RESOURCE_EXHAUSTED, message, null, true);
  }

  /** Collects the answer to one attempt. */
  private final class Reply extends ClientCall.Listener<byte[]> {
    private final SignedAttempt attempt;
    private final SendTrace trace;
    private byte[] message;

    Reply(SignedAttempt attempt, SendTrace trace) {
      this.attempt = attempt;
      this.trace = trace;
    }

    @Override
    public void onMessage(byte[] received) {
      message = received;
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      // The callbacks of gRPC are in order; the executor keeps them apart from everything else of the call.
      var expected = attempt.answer(0);
      proceed(attempt, status.isOk()
          ? AnswerReader.readAnswer(message, expected)
          : AnswerReader.readFailure(status, trailers, expected, trace.isUnsent()));
    }
  }
}

package dev.sealwire;

import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.lang.System.Logger.Level;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Future;

/**
 * Runs a watch over one or more streams with the same request id. A stream that breaks, becomes silent or is cut off is
 * resumed with a new signature. Everything runs on the executor of the scope. Items are given one for each request, so a slow
 * receiver slows the server down.
 */
final class ResumedWatch<T> {
  /** Takes the items. */
  interface Receiver<T> {
    void onItem(T item);

    /** The end. {@code failure} is null if the watch is complete. */
    void onEnd(Failure failure);
  }

  /** Heartbeat intervals without a message after which a stream counts as dead. */
  private static final double SILENT_INTERVALS = 2.5;

  private static final System.Logger LOG = System.getLogger("dev.sealwire");

  private final Connection connection;
  private final CallScope scope;
  private final Watched<T> watched;
  private final Receiver<T> receiver;
  private final ResumePolicy policy;
  private final String requestId = CallIntent.newRequestId();
  private final Queue<T> items = new ArrayDeque<>();
  private Stream stream;
  private int renewals;
  private boolean isWanted;
  private boolean isGiving;
  private boolean isComplete;
  private boolean isOver;
  private Future<?> timer;

  ResumedWatch(Connection connection, CallScope scope, Watched<T> watched, Receiver<T> receiver) {
    this.connection = connection;
    this.scope = scope;
    this.watched = watched;
    this.receiver = receiver;
    policy = new ResumePolicy(connection, watched.isKnown());
  }

  /** Opens the first stream. */
  void start() {
    open(null);
  }

  /** Asks for one more item, or for the end. */
  void request() {
    isWanted = true;
    if (!isGiving) give();
  }

  /** Ends the watch without telling the receiver. */
  void cancel() {
    isOver = true;
    stopTimer();
    if (stream != null && stream.call != null) stream.call.cancel("The watch has ended.", null);
  }

  private void open(StreamEnd end) {
    if (isOver) return;
    var request = watched.request(end);
    var intent = new Intent(request.tool(), request.typeUrl(), request.args(), requestId);
    stream = new Stream(connection.signer().sign(Signing.WATCH_JOB_METHOD, intent));
    try {
      stream.begin();
    } catch (RuntimeException e) {
      end(scope.failureOf(e));
      return;
    }
    ask();
  }

  /** Gives items as long as they are wanted, then asks for more. */
  private void give() {
    isGiving = true;
    while (isWanted && !items.isEmpty() && !isOver) {
      isWanted = false;
      receiver.onItem(items.poll());
    }
    isGiving = false;
    if (isOver) return;
    if (items.isEmpty() && isComplete) end(null);
    else ask();
  }

  private void ask() {
    if (isWanted && items.isEmpty() && stream != null) stream.ask();
  }

  private void received(Watched.Update<T> update) {
    policy.verified(update.isNews());
    renewals = 0;
    items.addAll(update.items());
    isComplete = update.isOver();
    give();
  }

  private void resume(SignedAttempt attempt, StreamEnd end) {
    stream = null;
    try {
      var delayMs = isRenewed(attempt, end) ? 0 : policy.delayAfter(end, scope.endpoints().alternatives(),
          () -> end.asFailed() instanceof Outcome.Refusal refusal
              && connection.signer().adoptServerTime(refusal.response().getTsMs(), attempt));
      LOG.log(Level.DEBUG, "a watch is resumed in {0} ms: {1}", delayMs, end.asFailed().failure().message());
      timer = Threads.after(delayMs, () -> scope.executor().execute(() -> open(end)));
    } catch (FailureException e) {
      end(e.failure());
    }
  }

  /** True if the stream ended because its key is refused, and there are other credentials. */
  private boolean isRenewed(SignedAttempt attempt, StreamEnd end) {
    if (renewals >= Signer.RENEWALS_MAX || !connection.signer().renew(attempt, end.asFailed().failure())) return false;
    renewals += 1;
    return true;
  }

  private void end(Failure failure) {
    cancel();
    receiver.onEnd(failure);
  }

  private void stopTimer() {
    if (timer != null) timer.cancel(false);
    timer = null;
  }

  /** One stream. Its callbacks count only while it is the current one. */
  private final class Stream extends ClientCall.Listener<byte[]> {
    private final SignedAttempt attempt;
    private final SendTrace trace = new SendTrace();
    private ClientCall<byte[], byte[]> call;
    private long sequence = 1;
    private boolean isAsked;

    Stream(SignedAttempt attempt) {
      this.attempt = attempt;
    }

    void begin() {
      call = scope.open(ToolMethods.WATCH_JOB, null, trace, this);
      call.sendMessage(attempt.frame().toBytes());
      call.halfClose();
    }

    void ask() {
      if (isAsked) return;
      isAsked = true;
      call.request(1);
      var silenceMs = connection.options().heartbeatIntervalMs() * SILENT_INTERVALS;
      var awaited = sequence;
      timer = Threads.after(silenceMs, () -> scope.executor().execute(() -> silent(awaited)));
    }

    private boolean isCurrent() {
      return stream == this && !isOver && !isComplete;
    }

    private void silent(long awaited) {
      if (!isCurrent() || sequence != awaited) return;
      call.cancel("No message or heartbeat came.", null);
      resume(attempt, new StreamEnd.Silent());
    }

    @Override
    public void onMessage(byte[] message) {
      if (!isCurrent()) return;
      isAsked = false;
      stopTimer();
      var outcome = AnswerReader.readMessage(message, attempt.answer(sequence));
      sequence += 1;
      if (!(outcome instanceof Outcome.Answer answer)) {
        call.cancel("The message does not verify.", null);
        resume(attempt, new StreamEnd.Failed((Outcome.Failed) outcome));
        return;
      }
      try {
        received(watched.read(answer.response()));
      } catch (FailureException e) {
        end(e.failure());
      }
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      if (!isCurrent()) return;
      stopTimer();
      resume(attempt, status.isOk() ? new StreamEnd.Truncated() : new StreamEnd.Failed(
          AnswerReader.readEnd(status, trailers, attempt.answer(sequence), trace.isUnsent())));
    }
  }
}

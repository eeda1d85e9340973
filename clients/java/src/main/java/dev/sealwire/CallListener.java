package dev.sealwire;

import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.concurrent.Executor;

/**
 * Gives the caller's listener what belongs to it, on the caller's executor. {@code onThrow} is called with what a callback
 * has thrown.
 */
final class CallListener<T> {
  /** Takes an exception of the caller's own callback. */
  interface Fault {
    void onThrow(RuntimeException thrown);
  }

  private final ClientCall.Listener<T> listener;
  private final Executor executor;
  private final Fault fault;
  private boolean hasHeaders;

  /** {@code executor}: null if callbacks may run at once, because the caller's executor already runs this. */
  CallListener(ClientCall.Listener<T> listener, Executor executor, Fault fault) {
    this.listener = listener;
    this.executor = executor;
    this.fault = fault;
  }

  /** Gives the initial metadata, once. */
  void headers(Metadata headers) {
    if (hasHeaders) return;
    hasHeaders = true;
    run(() -> listener.onHeaders(headers));
  }

  void message(T message) {
    run(() -> listener.onMessage(message));
  }

  void close(Status status, Metadata trailers) {
    run(() -> listener.onClose(status, trailers));
  }

  private void run(Runnable callback) {
    if (executor == null) guarded(callback);
    else executor.execute(() -> guarded(callback));
  }

  private void guarded(Runnable callback) {
    try {
      callback.run();
    } catch (RuntimeException e) {
      fault.onThrow(e);
    }
  }
}

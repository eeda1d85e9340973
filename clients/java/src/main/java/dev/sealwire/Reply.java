package dev.sealwire;

import io.grpc.ClientCall;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.CompletableFuture;

/** The answer to a unary call. Cancelling it cancels the call. */
final class Reply<T> extends CompletableFuture<T> implements StreamObserver<T> {
  private final ClientCall<?, T> call;
  private T message;

  Reply(ClientCall<?, T> call) {
    this.call = call;
  }

  @Override
  public void onNext(T received) {
    message = received;
  }

  @Override
  public void onError(Throwable thrown) {
    completeExceptionally(thrown);
  }

  @Override
  public void onCompleted() {
    complete(message);
  }

  @Override
  public boolean cancel(boolean mayInterrupt) {
    call.cancel("The future was cancelled.", null);
    return super.cancel(mayInterrupt);
  }
}

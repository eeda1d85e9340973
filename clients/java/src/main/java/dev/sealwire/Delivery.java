package dev.sealwire;

import com.google.protobuf.ByteString;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import java.util.ArrayDeque;
import java.util.Queue;

/** The messages of a call on their way to the caller's listener, which gets as many as it requests, and then the end. */
final class Delivery<T> {
  private final MethodDescriptor<?, T> descriptor;
  private final CallListener<T> listener;
  private final Queue<T> pending = new ArrayDeque<>();
  private Metadata headers = new Metadata();
  private NativeStatus ending;
  private long credits;

  Delivery(MethodDescriptor<?, T> descriptor, CallListener<T> listener) {
    this.descriptor = descriptor;
    this.listener = listener;
  }

  void request(int count) {
    credits += count;
  }

  /** Sets the initial metadata, which the first message brings. */
  void prepare(Metadata initial) {
    headers = initial;
  }

  /** Gives the initial metadata now. */
  void headers(Metadata initial) {
    headers = initial;
    listener.headers(initial);
  }

  /** Adds a serialized message. Throws RuntimeException if it is not of the method's type. */
  void add(ByteString message) {
    pending.add(descriptor.parseResponse(ToolMethods.streamOf(message.toByteArray())));
  }

  /** Sets the end, which follows the messages. */
  void end(NativeStatus status) {
    if (ending == null) ending = status;
  }

  /** Gives the messages that are requested. Returns the end if it is due, otherwise null. */
  NativeStatus give() {
    while (credits > 0 && !pending.isEmpty()) {
      credits -= 1;
      listener.headers(headers);
      listener.message(pending.poll());
    }
    return pending.isEmpty() ? ending : null;
  }

  boolean hasEnded() {
    return ending != null;
  }

  /** True if another message can be taken. A unary answer may come before it is requested. */
  boolean isHungry() {
    return pending.isEmpty() && ending == null
        && (credits > 0 || descriptor.getType() == MethodDescriptor.MethodType.UNARY);
  }
}

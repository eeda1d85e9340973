package dev.sealwire;

import io.grpc.Context;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Queue;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * The states of one or more jobs, as they come. {@link #hasNext()} waits for the next one. A stream that breaks is resumed
 * inside. Close it to leave early; the jobs go on. For one thread; {@link #close()} may be called by another.
 *
 * @param <T> the states
 */
public final class Watch<T> implements Iterator<T>, AutoCloseable {
  private final Context.CancellableContext context = Context.current().withCancellation();
  private final Queue<T> items = new ArrayDeque<>();
  private final Supplier<Boolean> receive;

  <M> Watch(Supplier<Iterator<M>> open, Function<M, List<T>> read) {
    var previous = context.attach();
    try {
      var messages = open.get();
      receive = () -> {
        if (!messages.hasNext()) return false;
        items.addAll(read.apply(messages.next()));
        return true;
      };
    } finally {
      context.detach(previous);
    }
  }

  /**
   * Waits for the next state.
   *
   * @return false after the last one
   * @throws io.grpc.StatusRuntimeException if the watch fails, or with CANCELLED once it is closed
   */
  @Override
  public boolean hasNext() {
    while (items.isEmpty()) {
      if (receive.get()) continue;
      close();
      return false;
    }
    return true;
  }

  @Override
  public T next() {
    if (!hasNext()) throw new NoSuchElementException("The watch has ended.");
    return items.remove();
  }

  /**
   * Gives the remaining states as a stream. Closing it closes the watch.
   *
   * @return a sequential stream
   */
  public Stream<T> stream() {
    var states = Spliterators.spliteratorUnknownSize(this, Spliterator.ORDERED | Spliterator.NONNULL);
    return StreamSupport.stream(states, false).onClose(this::close);
  }

  /** Leaves the watch. Nothing remains of it. */
  @Override
  public void close() {
    context.cancel(null);
  }
}

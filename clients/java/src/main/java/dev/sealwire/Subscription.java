package dev.sealwire;

/** A watch with a listener. */
@FunctionalInterface
public interface Subscription extends AutoCloseable {
  /** Leaves the watch. Nothing remains of it. */
  @Override
  void close();
}

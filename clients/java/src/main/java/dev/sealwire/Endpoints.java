package dev.sealwire;

import io.grpc.Channel;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** The servers that may be called, replicas of one. They take turns; one that cannot be reached is passed over. */
final class Endpoints {
  /** Least time between two connection attempts that calls ask for. By itself, gRPC waits up to two minutes. */
  private static final long RECONNECT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final List<Endpoint> all;
  private final AtomicInteger turn = new AtomicInteger(ThreadLocalRandom.current().nextInt(1 << 16));

  private Endpoints(List<Endpoint> all) {
    this.all = all;
  }

  static Endpoints of(List<? extends Channel> channels) {
    return new Endpoints(channels.stream().map(Endpoint::new).toList());
  }

  /** The next server that can be reached, or any if none can. */
  Channel next() {
    if (all.size() == 1) return all.get(0).use();
    for (var tried = 0; tried < all.size(); tried += 1) {
      var endpoint = takeTurn();
      if (!endpoint.isDown()) return endpoint.use();
    }
    return takeTurn().use();
  }

  /** The number of other servers; 0 while none can be reached. */
  int alternatives() {
    return all.size() == 1 || all.stream().allMatch(Endpoint::isDown) ? 0 : all.size() - 1;
  }

  private Endpoint takeTurn() {
    return all.get(Math.floorMod(turn.incrementAndGet(), all.size()));
  }

  /** One server. */
  private static final class Endpoint {
    private final Channel channel;
    private final AtomicLong reconnectAtNanos = new AtomicLong(System.nanoTime());

    Endpoint(Channel channel) {
      this.channel = channel;
    }

    Channel use() {
      isDown();
      return channel;
    }

    /** True if no connection can be made. A look asks for another attempt, so that a server that is back is found soon. */
    boolean isDown() {
      if (!(channel instanceof ManagedChannel managed)) return false;
      if (managed.getState(false) != ConnectivityState.TRANSIENT_FAILURE) return false;
      var nowNanos = System.nanoTime();
      var atNanos = reconnectAtNanos.get();
      if (nowNanos - atNanos >= 0 && reconnectAtNanos.compareAndSet(atNanos, nowNanos + RECONNECT_NANOS)) {
        managed.resetConnectBackoff();
      }
      return true;
    }
  }
}

package dev.sealwire;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;

/** What all calls of a channel or an interceptor share. */
final class Connection {
  /** A call that is open. */
  interface Open {
    /** Ends the call because its channel is closed. */
    void abandon();
  }

  private final Signer signer;
  private final ChannelOptions options;
  private final ContractCache contracts = new ContractCache(this);
  private final Set<Open> open = ConcurrentHashMap.newKeySet();
  private volatile boolean isClosed;

  Connection(CredentialsSource credentials, ChannelOptions options) {
    signer = new Signer(credentials);
    this.options = options;
  }

  Signer signer() {
    return signer;
  }

  ChannelOptions options() {
    return options;
  }

  ContractCache contracts() {
    return contracts;
  }

  boolean isClosed() {
    return isClosed;
  }

  void enter(Open call) {
    open.add(call);
    if (isClosed) abandon(call);
  }

  void leave(Open call) {
    open.remove(call);
  }

  /** Ends all open calls. */
  void close() {
    isClosed = true;
    for (var call : open) abandon(call);
  }

  /** A call whose executor takes no more tasks is left: nobody would hear of its end. */
  private void abandon(Open call) {
    try {
      call.abandon();
    } catch (RejectedExecutionException e) {
      leave(call);
    }
  }
}

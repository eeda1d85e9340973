package dev.sealwire;

import io.grpc.Attributes;
import io.grpc.ClientStreamTracer;
import io.grpc.Metadata;

/** Notes whether an attempt was given to a connection. If it was not, no server can have executed it. */
final class SendTrace extends ClientStreamTracer.Factory {
  private volatile boolean isSent;

  boolean isUnsent() {
    return !isSent;
  }

  @Override
  public ClientStreamTracer newClientStreamTracer(ClientStreamTracer.StreamInfo info, Metadata headers) {
    return new ClientStreamTracer() {
      @Override
      public void streamCreated(Attributes transportAttrs, Metadata sentHeaders) {
        isSent = true;
      }
    };
  }
}

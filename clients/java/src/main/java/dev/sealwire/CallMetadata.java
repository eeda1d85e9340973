package dev.sealwire;

import io.grpc.Metadata;

/** The keys of metadata that concern this package (docs/proxy.md, Metadata). */
final class CallMetadata {
  static final Metadata.Key<String> REQUEST_ID = key("sealwire-request-id");
  static final Metadata.Key<String> JOB_ID = key("sealwire-job-id");
  static final Metadata.Key<String> CANCEL_ON_ABANDON = key("sealwire-cancel-on-abandon");
  static final Metadata.Key<String> TRACEPARENT = key("traceparent");
  static final Metadata.Key<String> TRACESTATE = key("tracestate");
  static final Metadata.Key<byte[]> DETAILS =
      Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);

  private CallMetadata() {}

  /** The metadata of an answer, given as initial metadata and again in the trailers. */
  static Metadata answer(String requestId, String jobId) {
    var metadata = new Metadata();
    metadata.put(REQUEST_ID, requestId);
    if (jobId != null) metadata.put(JOB_ID, jobId);
    return metadata;
  }

  /** What is sent on with each attempt: all that is not for this package. */
  static Metadata passedOn(Metadata given) {
    var copy = new Metadata();
    copy.merge(given);
    copy.removeAll(REQUEST_ID);
    copy.removeAll(JOB_ID);
    copy.removeAll(CANCEL_ON_ABANDON);
    return copy;
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }
}

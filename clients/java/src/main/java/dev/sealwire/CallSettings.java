package dev.sealwire;

import io.grpc.CallOptions;
import io.grpc.Metadata;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** The options of one call of {@link SealwireClient}. Immutable. */
public final class CallSettings {
  /** No options: a new request id, and the time of the channel. */
  public static final CallSettings DEFAULT = new CallSettings(null, null, null, null, null);

  private static final Duration MOST = Duration.ofNanos(Long.MAX_VALUE);

  private final String requestId;
  private final Duration timeout;
  private final String traceparent;
  private final String tracestate;
  private final String definitionDigest;

  private CallSettings(
      String requestId, Duration timeout, String traceparent, String tracestate, String definitionDigest) {
    this.requestId = requestId;
    this.timeout = timeout;
    this.traceparent = traceparent;
    this.tracestate = tracestate;
    this.definitionDigest = definitionDigest;
  }

  /**
   * Names the intent: calls with the same id are executed once and get the same outcome. Store the id before the call to
   * survive a crash.
   *
   * @param id 1 to 128 printable ASCII characters
   * @return settings with this id
   */
  public CallSettings withRequestId(String id) {
    return new CallSettings(id, timeout, traceparent, tracestate, definitionDigest);
  }

  /**
   * Sets the time for the call with all its attempts.
   *
   * @param time above 0
   * @return settings with this time
   */
  public CallSettings withTimeout(Duration time) {
    return new CallSettings(requestId, time, traceparent, tracestate, definitionDigest);
  }

  /**
   * Sends a W3C trace context, unsigned.
   *
   * @param value the value of traceparent
   * @return settings with this trace context
   */
  public CallSettings withTraceparent(String value) {
    return new CallSettings(requestId, timeout, value, tracestate, definitionDigest);
  }

  /**
   * Sends the W3C tracestate that belongs to {@link #withTraceparent}, unsigned.
   *
   * @param value the value of tracestate, at most 512 characters
   * @return settings with this tracestate
   */
  public CallSettings withTracestate(String value) {
    return new CallSettings(requestId, timeout, traceparent, value, definitionDigest);
  }

  /**
   * Accepts one definition of the tool only. It is for one call what {@link SealwireBuilder#pins} is for a channel, and
   * replaces it.
   *
   * @param digest what {@link ToolDefinition#digest} returns
   * @return settings with this digest
   */
  public CallSettings withDefinitionDigest(String digest) {
    return new CallSettings(requestId, timeout, traceparent, tracestate, digest);
  }

  CallOptions options() {
    var options = CallOptions.DEFAULT;
    if (definitionDigest != null) options = options.withOption(Sealwire.DEFINITION_DIGEST, definitionDigest);
    return timeout == null ? options : options.withDeadlineAfter(nanos(timeout), TimeUnit.NANOSECONDS);
  }

  Metadata headers() {
    var headers = new Metadata();
    if (requestId != null) headers.put(CallMetadata.REQUEST_ID, requestId);
    if (traceparent != null) headers.put(CallMetadata.TRACEPARENT, traceparent);
    if (tracestate != null) headers.put(CallMetadata.TRACESTATE, tracestate);
    return headers;
  }

  /** At most what a deadline can have. */
  private static long nanos(Duration time) {
    return time.compareTo(MOST) > 0 ? Long.MAX_VALUE : time.toNanos();
  }
}

package example;

import com.google.gson.annotations.SerializedName;
import io.grpc.Context;
import io.grpc.Metadata;
import java.util.concurrent.TimeUnit;

/** What the metadata says about a call. What was not sent is null. */
record Call(
    String method,
    String client,
    String request,
    String tool,
    String server,
    String job,
    Integer attempt,
    String key,
    String traceparent,
    @SerializedName("deadline_ms") Long deadlineMs) {
  /** The call that the current thread serves. */
  static final Context.Key<Call> CURRENT = Context.key("call");

  /** Reads the metadata of a call of this method. */
  static Call of(String method, Metadata metadata) {
    var attempt = value(metadata, "sealwire-attempt");
    var deadline = Context.current().getDeadline();
    return new Call(
        method,
        value(metadata, "sealwire-client-id"),
        value(metadata, "sealwire-request-id"),
        value(metadata, "sealwire-tool"),
        value(metadata, "sealwire-server-id"),
        value(metadata, "sealwire-job-id"),
        attempt != null && attempt.matches("[0-9]{1,9}") ? Integer.valueOf(attempt) : null,
        value(metadata, "sealwire-idempotency-key"),
        value(metadata, "traceparent"),
        deadline == null ? null : deadline.timeRemaining(TimeUnit.MILLISECONDS));
  }

  static String value(Metadata metadata, String name) {
    return metadata.get(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER));
  }
}

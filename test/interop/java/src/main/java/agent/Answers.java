package agent;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.sealwire.CredentialsException;
import dev.sealwire.SealwireErrors;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import java.util.concurrent.CancellationException;

/** Makes answers of what calls return and throw. */
final class Answers {
  private Answers() {}

  static JsonObject ok(JsonElement response, Metadata... metadata) {
    var answer = new JsonObject();
    answer.addProperty("status", "OK");
    answer.addProperty("message", "");
    if (response != null) answer.add("response", response);
    answer.add("metadata", metadata(metadata));
    return answer;
  }

  /** Throws what is no status. */
  static JsonObject failed(Throwable thrown, Metadata... metadata) {
    var cause = thrown;
    while (!isStatus(cause) && !(cause instanceof CredentialsException) && cause.getCause() != null) cause = cause.getCause();
    var answer = new JsonObject();
    if (cause instanceof CancellationException) cause = Status.CANCELLED.asRuntimeException();
    if (!isStatus(cause)) {
      if (!(cause instanceof CredentialsException)) thrown.printStackTrace();
      answer.addProperty("failure", String.valueOf(cause.getMessage()));
      return answer;
    }
    var status = Status.fromThrowable(cause);
    answer.addProperty("status", status.getCode().name());
    answer.addProperty("message", status.getDescription() == null ? "" : status.getDescription());
    var all = new Metadata[metadata.length + 1];
    System.arraycopy(metadata, 0, all, 0, metadata.length);
    all[metadata.length] = Status.trailersFromThrowable(cause);
    answer.add("metadata", metadata(all));
    SealwireErrors.errorOf(thrown).ifPresent(error -> answer.add("error", Types.write(error)));
    if (SealwireErrors.isUnverified(thrown)) answer.addProperty("unverified", true);
    return answer;
  }

  static JsonObject metadata(Metadata... each) {
    var object = new JsonObject();
    for (var metadata : each) {
      if (metadata == null) continue;
      for (var name : metadata.keys()) {
        if (!name.startsWith("sealwire-")) continue;
        object.addProperty(name, metadata.get(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER)));
      }
    }
    return object;
  }

  static JsonObject of(String name, JsonElement value) {
    var answer = new JsonObject();
    answer.add(name, value);
    return answer;
  }

  static JsonObject of(String name, Number value) {
    var answer = new JsonObject();
    answer.addProperty(name, value);
    return answer;
  }

  private static boolean isStatus(Throwable thrown) {
    return thrown instanceof StatusRuntimeException || thrown instanceof StatusException
        || thrown instanceof CancellationException;
  }
}

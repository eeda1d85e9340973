package dev.sealwire;

import dev.sealwire.v1.ErrorReason;
import io.grpc.Status.Code;
import java.util.Map;
import java.util.regex.Pattern;

/** The definitions of tools that a channel and its calls accept. */
final class Pins {
  private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");

  private Pins() {}

  /** Copies accepted digests by the names of tools. Throws IllegalArgumentException naming the tool. */
  static Map<String, String> check(Map<String, String> digests) {
    digests.forEach((tool, digest) -> {
      if (!DIGEST.matcher(digest).matches()) {
        throw new IllegalArgumentException("The pin of \"" + tool + "\" is \"" + digest
            + "\"; it must be 64 lower-case hex digits, as ToolDefinition.digest returns.");
      }
    });
    return Map.copyOf(digests);
  }

  /** Checks the digest that a call accepts, which may be null. Throws FailureException. */
  static void checkCall(String digest) {
    if (digest == null || DIGEST.matcher(digest).matches()) return;
    throw new FailureException(Failure.of(ErrorReason.ERROR_REASON_ENVELOPE_INVALID, Code.INVALID_ARGUMENT,
        "The definition digest must be 64 lower-case hex digits, as ToolDefinition.digest returns.").asNotBegun());
  }

  /**
   * The digest to send with a call of a method; empty if nothing is pinned. Throws FailureException if another definition
   * is pinned.
   */
  static String digestToSend(ToolMethod method, String pin) {
    if (pin == null) return "";
    if (method.definition() != null) return method.definition().toSend(pin);
    throw new FailureException(Failure.of(ErrorReason.ERROR_REASON_TOOL_FORBIDDEN, Code.PERMISSION_DENIED,
        "The server lists no tool \"" + method.tool() + "\".").asNotBegun());
  }

  /** True if a call may be made by the list that the method is of, so that no newer one is needed. */
  static boolean accepts(ToolMethod method, String pin) {
    try {
      digestToSend(method, pin);
      return true;
    } catch (FailureException e) {
      return false;
    }
  }

  /** Says of a refused envelope that the definition digest may be the cause: servers of 0.1 do not know it. */
  static Failure explain(Failure failure, Intent intent) {
    var isPlain = intent.definitionDigest().isEmpty() || failure.error() == null;
    if (isPlain || !failure.is(ErrorReason.ERROR_REASON_ENVELOPE_INVALID)) return failure;
    var message = failure.message() + " The call names a definition_digest, which servers of 0.1 refuse; upgrade all"
        + " servers of this address.";
    var error = failure.error().toBuilder().setMessage(message).build();
    return new Failure(failure.reason(), failure.code(), message, error, failure.notBegun());
  }
}

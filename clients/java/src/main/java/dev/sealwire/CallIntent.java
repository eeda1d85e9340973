package dev.sealwire;

import dev.sealwire.v1.ErrorReason;
import io.grpc.Metadata;
import io.grpc.Status.Code;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;

/**
 * What a caller says about its call in the metadata.
 *
 * @param requestId calls with the same id are executed once; made here if the caller gives none
 * @param cancelOnAbandon cancels the job if the caller cancels the call or its deadline passes
 */
record CallIntent(String requestId, boolean cancelOnAbandon) {
  private static final Pattern ID = Pattern.compile("[!-~]{1,128}");

  /** Reads the metadata of a call. Throws FailureException naming the key that is not right. */
  static CallIntent read(Metadata headers) {
    var requestId = one(headers, CallMetadata.REQUEST_ID);
    if (requestId == null) requestId = newRequestId();
    else checkRequestId(requestId);
    var cancel = one(headers, CallMetadata.CANCEL_ON_ABANDON);
    if (cancel != null && !cancel.equals("true") && !cancel.equals("false")) {
      throw invalid("The metadata sealwire-cancel-on-abandon must be \"true\" or \"false\".");
    }
    return new CallIntent(requestId, "true".equals(cancel));
  }

  static void checkRequestId(String requestId) {
    if (ID.matcher(requestId).matches()) return;
    throw invalid("The request id must be 1 to 128 printable ASCII characters without spaces.");
  }

  /** A UUID. Request ids need to be unique, not secret. */
  static String newRequestId() {
    var random = ThreadLocalRandom.current();
    var version4 = random.nextLong() & 0xffffffffffff0fffL | 0x4000L;
    var variant = random.nextLong() & 0x3fffffffffffffffL | 0x8000000000000000L;
    return new UUID(version4, variant).toString();
  }

  private static String one(Metadata headers, Metadata.Key<String> key) {
    var values = headers.getAll(key);
    if (values == null) return null;
    var iterator = values.iterator();
    var value = iterator.next();
    if (iterator.hasNext()) throw invalid("The metadata " + key.name() + " is given more than once; give it once.");
    return value;
  }

  private static FailureException invalid(String message) {
    return new FailureException(
        Failure.of(ErrorReason.ERROR_REASON_ENVELOPE_INVALID, Code.INVALID_ARGUMENT, message));
  }
}

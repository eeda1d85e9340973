package dev.sealwire;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import dev.sealwire.v1.Error;
import dev.sealwire.v1.ErrorReason;
import dev.sealwire.v1.Response;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.Status.Code;
import java.util.Set;
import javax.net.ssl.SSLException;

/** Tells what an answer proves (docs/protocol.md, Verifying an answer, Errors). */
final class AnswerReader {
  private static final String PREFIX = "type.googleapis.com/";
  private static final Set<String> FRAMES =
      Set.of(PREFIX + "sealwire.v1.CallResponse", PREFIX + "sealwire.v1.WatchJobResponse");
  private static final int TEXT_MOST = 200;

  private AnswerReader() {}

  /** Reads a message of a watch. */
  static Outcome readMessage(byte[] message, ExpectedAnswer expected) {
    try {
      return new Outcome.Answer(Signing.verifyResponse(Frame.parse(message), expected));
    } catch (InvalidProtocolBufferException e) {
      return Outcome.Unverified.forged("The answer cannot be trusted: it is no frame.");
    } catch (UnverifiedException e) {
      return Outcome.Unverified.forged(e.getStatus().getDescription());
    }
  }

  /** Reads an answer that came with status OK. The status is not signed, so it may be a refusal: the reason tells. */
  static Outcome readAnswer(byte[] message, ExpectedAnswer expected) {
    if (message == null) return Outcome.Unverified.forged("The peer says OK but sent no answer.");
    var outcome = readMessage(message, expected);
    if (!(outcome instanceof Outcome.Answer answer) || !isRefusal(answer.response())) return outcome;
    return refused(answer.response());
  }

  /** Reads the status at the end of a watch, which is never an answer. */
  static Outcome.Failed readEnd(Status status, Metadata trailers, ExpectedAnswer expected, boolean isUnsent) {
    var outcome = readFailure(status, trailers, expected, isUnsent);
    return outcome instanceof Outcome.Answer answer ? refused(answer.response()) : (Outcome.Failed) outcome;
  }

  /**
   * Reads a status other than OK from the signed frame in its details, with which the status must agree. The failure of a
   * tool is an answer in this way, too.
   */
  static Outcome readFailure(Status status, Metadata trailers, ExpectedAnswer expected, boolean isUnsent) {
    var details = detailsOf(trailers);
    var frame = details == null ? null : details.getDetailsList().stream()
        .filter(any -> FRAMES.contains(any.getTypeUrl())).findFirst().orElse(null);
    if (frame == null) return readUnsigned(status, expected.requestId(), isUnsent);
    var outcome = readMessage(frame.getValue().toByteArray(), expected);
    if (!(outcome instanceof Outcome.Answer answer)) return outcome;
    var response = answer.response();
    var code = status.getCode();
    if (response.getOk() || !response.hasError()) {
      return Outcome.Unverified.forged("The peer says " + code + " but the signed answer reports no error.");
    }
    var error = response.getError();
    if (error.getCodeValue() != code.value() || details.getCode() != code.value() || !agrees(details, error)) {
      return Outcome.Unverified.forged(
          "The peer says " + code + " but the signed answer reports " + Failure.of(error).code() + ".");
    }
    return isRefusal(response) ? refused(response) : answer;
  }

  private static Outcome.Refusal refused(Response response) {
    return new Outcome.Refusal(response, Failure.of(response.getError()));
  }

  /** Reasons that only a tool that ran can report. */
  private static boolean isRefusal(Response response) {
    if (response.getStatus() != dev.sealwire.v1.Status.STATUS_ERROR || response.hasResult()) return false;
    if (!response.hasError()) return false;
    return switch (response.getError().getReason()) {
      case ERROR_REASON_TOOL_FAILED, ERROR_REASON_RESULT_TOO_LARGE, ERROR_REASON_INTERNAL -> false;
      default -> true;
    };
  }

  /** The ErrorInfo is missing if there was no room for it. A reason that is newer than this contract has no name. */
  private static boolean agrees(com.google.rpc.Status details, Error error) {
    if (error.getReason() == ErrorReason.UNRECOGNIZED) return true;
    try {
      for (var any : details.getDetailsList()) {
        if (!any.getTypeUrl().equals(PREFIX + "google.rpc.ErrorInfo")) continue;
        var info = ErrorInfo.parseFrom(any.getValue());
        if (!info.getDomain().equals("sealwire")) return true;
        return ("ERROR_REASON_" + info.getReason()).equals(error.getReason().name());
      }
      return true;
    } catch (InvalidProtocolBufferException e) {
      return false;
    }
  }

  private static com.google.rpc.Status detailsOf(Metadata trailers) {
    var bytes = trailers == null ? null : trailers.get(CallMetadata.DETAILS);
    if (bytes == null) return null;
    try {
      return com.google.rpc.Status.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }

  /** The text of an unsigned status is for people only, because anyone on the way can send it. */
  private static Outcome.Unverified readUnsigned(Status status, String requestId, boolean isUnsent) {
    var code = status.getCode();
    var said = code + ": " + oneLine(status);
    if (code == Code.UNAVAILABLE) {
      var text = isUnsent ? "No server took the request (" : "No verified answer to request " + requestId + " (";
      var isAway = isUnsent && !hasTlsFault(status.getCause());
      return new Outcome.Unverified(Failure.unreachable(text + said + ")."), false, isUnsent, isAway);
    }
    var failure = code == Code.UNAUTHENTICATED
        ? Failure.credentialsRefused("The peer refuses request " + requestId + ", unsigned (" + said + ").")
        : Failure.unverified(code, "The peer answers request " + requestId + " unsigned (" + said + ").");
    return new Outcome.Unverified(failure, false, isUnsent, false);
  }

  private static String oneLine(Status status) {
    var text = status.getDescription() == null ? "" : status.getDescription();
    var cause = status.getCause() == null || status.getCause().getMessage() == null ? "" : status.getCause().getMessage();
    if (!cause.isEmpty() && !text.contains(cause)) text = text + ": " + cause;
    text = text.replaceAll("\\p{Cntrl}+", " ");
    return text.length() > TEXT_MOST ? text.substring(0, TEXT_MOST - 1) + "…" : text;
  }

  /** A certificate that is not trusted does not mend itself. */
  private static boolean hasTlsFault(Throwable thrown) {
    for (var each = thrown; each != null; each = each.getCause()) if (each instanceof SSLException) return true;
    return false;
  }
}

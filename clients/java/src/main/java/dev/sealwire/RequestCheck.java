package dev.sealwire;

import build.buf.protovalidate.Validator;
import build.buf.protovalidate.ValidatorFactory;
import build.buf.protovalidate.Violation;
import build.buf.protovalidate.exceptions.ValidationException;
import build.buf.validate.FieldPath;
import com.google.protobuf.Message;
import dev.sealwire.v1.ErrorReason;
import dev.sealwire.v1.FieldViolation;
import io.grpc.Status.Code;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Checks requests by the rules of their messages before they are sent. */
final class RequestCheck implements Function<Message, List<FieldViolation>> {
  private static final int VIOLATIONS_MOST = 16;

  private final Validator validator;

  private RequestCheck(Validator validator) {
    this.validator = validator;
  }

  /** Makes the check. Throws IllegalStateException where protovalidate is not there with all that it needs. */
  static RequestCheck create() {
    try {
      return new RequestCheck(ValidatorFactory.newBuilder().build());
    } catch (LinkageError e) {
      throw new IllegalStateException(
          "Requests are checked with protovalidate, which this program lacks; add the dependency build.buf:protovalidate.", e);
    }
  }

  @Override
  public List<FieldViolation> apply(Message message) {
    try {
      return validator.validate(message).getViolations().stream().map(RequestCheck::read).toList();
    } catch (ValidationException | RuntimeException e) {
      // Rules that cannot be evaluated here are the server's affair.
      return List.of();
    }
  }

  /** The failure of a call with violations, as a server states it. */
  static Failure failureOf(List<FieldViolation> violations) {
    var shown = violations.subList(0, Math.min(VIOLATIONS_MOST, violations.size()));
    var fields = shown.stream()
        .map(each -> each.getField() + ": " + each.getMessage())
        .collect(Collectors.joining("; "));
    return Failure.of(ErrorReason.ERROR_REASON_ARGS_INVALID, Code.INVALID_ARGUMENT,
        "The arguments break rules of the contract: " + fields, shown, violations.size() - shown.size()).asNotBegun();
  }

  private static FieldViolation read(Violation found) {
    var violation = found.toProto();
    return FieldViolation.newBuilder()
        .setField(pathOf(violation.getField()))
        .setRuleId(violation.getRuleId())
        .setMessage(violation.getMessage())
        .build();
  }

  private static String pathOf(FieldPath path) {
    var text = new StringBuilder();
    for (var element : path.getElementsList()) {
      if (text.length() > 0) text.append('.');
      text.append(element.getFieldName());
      switch (element.getSubscriptCase()) {
        case INDEX -> text.append('[').append(element.getIndex()).append(']');
        case BOOL_KEY -> text.append('[').append(element.getBoolKey()).append(']');
        case INT_KEY -> text.append('[').append(element.getIntKey()).append(']');
        case UINT_KEY -> text.append('[').append(Long.toUnsignedString(element.getUintKey())).append(']');
        case STRING_KEY -> text.append("[\"").append(escaped(element.getStringKey())).append("\"]");
        default -> { }
      }
    }
    return text.toString();
  }

  private static String escaped(String key) {
    return key.replace("\\", "\\\\").replace("\"", "\\\"");
  }
}

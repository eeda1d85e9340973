package example;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import example.Sealwire.UnverifiedException;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.util.List;
import java.util.Optional;
import sealwire.v1.ErrorOuterClass.Error;
import sealwire.v1.Frame.CallResponse;
import sealwire.v1.Frame.WatchJobResponse;
import sealwire.v1.ResponseOuterClass.Response;

/** One signed request. Its answers are verified against its signature. */
final class Attempt {
  private static final String SIGNED_CALL = typeUrl(CallResponse.getDefaultInstance());
  private static final String SIGNED_WATCH = typeUrl(WatchJobResponse.getDefaultInstance());
  private static final String ERROR_INFO = typeUrl(ErrorInfo.getDefaultInstance());

  private final Credentials credentials;
  private final String requestId;
  private final Frame frame;

  Attempt(Credentials credentials, MethodDescriptor<?, ?> method, String tool, Message args, String requestId) {
    this.credentials = credentials;
    this.requestId = requestId;
    // The signature covers the path with its leading slash, which the method name in gRPC for Java omits.
    frame = Sealwire.seal(credentials, "/" + method.getFullMethodName(), tool, args, requestId);
  }

  Frame frame() {
    return frame;
  }

  /** Verifies and parses an answer. Throws UnverifiedException. */
  Response read(Frame answer, long sequence) {
    if (answer == null) throw new UnverifiedException("it is empty");
    return Sealwire.verify(credentials, answer, frame.getSignature(), requestId, sequence);
  }

  /** Converts the error of a failed call: a signed one to RefusedException, an unsigned one to UnansweredException. */
  RuntimeException readRefusal(Throwable failure, long sequence) {
    try {
      var error = signedError(failure, sequence);
      if (error.isPresent()) return new RefusedException(error.get());
      return new UnansweredException(Status.fromThrowable(failure));
    } catch (UnverifiedException unverified) {
      return unverified;
    } catch (InvalidProtocolBufferException | IllegalArgumentException damaged) {
      return new UnverifiedException("its details are damaged or contradict the status");
    }
  }

  /** Returns the error in the signed frame of the details. The other details are projections of it and must agree. */
  private Optional<Error> signedError(Throwable failure, long sequence) throws InvalidProtocolBufferException {
    // Throws IllegalArgumentException if the codes in trailer and details differ.
    var projection = StatusProto.fromThrowable(failure);
    if (projection == null) return Optional.empty();
    var details = projection.getDetailsList();
    var signed = find(details, SIGNED_CALL).or(() -> find(details, SIGNED_WATCH));
    if (signed.isEmpty()) return Optional.empty();
    var response = read(Frame.parseFrom(signed.get().getValue()), sequence);
    if (!response.hasError()) throw new UnverifiedException("it refuses without an error");
    var error = response.getError();
    if (error.getCodeValue() != projection.getCode()) throw new UnverifiedException("its status says something else");
    var info = find(details, ERROR_INFO);
    if (info.isPresent()) {
      var reason = "ERROR_REASON_" + ErrorInfo.parseFrom(info.get().getValue()).getReason();
      if (!reason.equals(error.getReason().name())) throw new UnverifiedException("its ErrorInfo says something else");
    }
    return Optional.of(error);
  }

  /** Returns the result, which must be the tool's response message. */
  static <R extends Message> R result(Response response, R type) {
    if (response.hasResult()) return unpack(response.getResult(), type);
    if (response.hasError()) throw new RefusedException(response.getError());
    throw new UnverifiedException("it has neither result nor error");
  }

  /** Unpacks an Any that must contain a message of exactly this type. */
  @SuppressWarnings("unchecked")
  static <R extends Message> R unpack(Any any, R type) {
    if (!any.getTypeUrl().equals(typeUrl(type))) throw new UnverifiedException("its result is of another type");
    try {
      return (R) type.getParserForType().parseFrom(any.getValue());
    } catch (InvalidProtocolBufferException e) {
      throw new UnverifiedException("its result is damaged");
    }
  }

  private static Optional<Any> find(List<Any> details, String typeUrl) {
    return details.stream().filter(any -> any.getTypeUrl().equals(typeUrl)).findFirst();
  }

  private static String typeUrl(Message type) {
    return "type.googleapis.com/" + type.getDescriptorForType().getFullName();
  }
}

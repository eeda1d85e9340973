package dev.sealwire;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import dev.sealwire.v1.ErrorReason;
import io.grpc.Drainable;
import io.grpc.MethodDescriptor;
import io.grpc.Status.Code;
import java.io.IOException;

/** Serializes the request of a native call. */
final class RequestBytes {
  private RequestBytes() {}

  /** Uses the marshaller of the method, since a request need not be a protobuf message. */
  static <T> ByteString of(MethodDescriptor<T, ?> method, T request) {
    if (request instanceof MessageLite message) return message.toByteString();
    try (var stream = method.streamRequest(request)) {
      if (!(stream instanceof Drainable drainable)) return ByteString.readFrom(stream);
      var bytes = ByteString.newOutput();
      drainable.drainTo(bytes);
      return bytes.toByteString();
    } catch (IOException | RuntimeException e) {
      throw new FailureException(Failure.of(ErrorReason.ERROR_REASON_ARGS_INVALID, Code.INVALID_ARGUMENT,
          "The request cannot be serialized: " + e.getMessage()).asNotBegun());
    }
  }
}

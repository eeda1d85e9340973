package dev.sealwire;

import com.google.protobuf.Message;
import io.grpc.MethodDescriptor;
import java.io.InputStream;

/** Serializes a request of any type. */
final class RequestMarshaller implements MethodDescriptor.Marshaller<Message> {
  static final RequestMarshaller INSTANCE = new RequestMarshaller();

  private RequestMarshaller() {}

  @Override
  public InputStream stream(Message message) {
    return ToolMethods.streamOf(message.toByteArray());
  }

  @Override
  public Message parse(InputStream stream) {
    throw new UnsupportedOperationException("Only requests are of any type.");
  }
}

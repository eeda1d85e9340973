package dev.sealwire;

import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;

/** The two RPCs that are called, with messages as bytes. */
final class ToolMethods {
  /** The largest request that a server takes, in bytes. */
  static final int REQUEST_MOST = 1_048_576;

  static final MethodDescriptor<byte[], byte[]> CALL = method(Signing.CALL_METHOD, MethodType.UNARY);
  static final MethodDescriptor<byte[], byte[]> WATCH_JOB =
      method(Signing.WATCH_JOB_METHOD, MethodType.SERVER_STREAMING);

  private ToolMethods() {}

  /** A stream of bytes whose number gRPC can ask for. */
  static InputStream streamOf(byte[] bytes) {
    return new KnownBytes(bytes);
  }

  private static MethodDescriptor<byte[], byte[]> method(String path, MethodType type) {
    return MethodDescriptor.newBuilder(Bytes.MARSHALLER, Bytes.MARSHALLER)
        .setFullMethodName(path.substring(1))
        .setType(type)
        .build();
  }

  private static final class KnownBytes extends ByteArrayInputStream implements KnownLength {
    KnownBytes(byte[] bytes) {
      super(bytes);
    }
  }

  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    static final Bytes MARSHALLER = new Bytes();

    @Override
    public InputStream stream(byte[] value) {
      return streamOf(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw Status.INTERNAL.withDescription("The message cannot be read.").withCause(e).asRuntimeException();
      }
    }
  }
}

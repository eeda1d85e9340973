package dev.sealwire;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnsafeByteOperations;
import com.google.protobuf.WireFormat;
import java.io.IOException;

/**
 * A request or an answer as it is on the wire. Every message of {@code sealwire.v1.ToolService} has this form, with an
 * embedded message in field 1. Here it is bytes, because the signature covers exactly the bytes that are sent.
 *
 * @param content the serialized Envelope or Response
 * @param keyId names the key of the signature
 * @param signature the signature, 32 bytes
 */
public record Frame(ByteString content, String keyId, ByteString signature) {
  private static final int CONTENT = tag(1);
  private static final int KEY_ID = tag(2);
  private static final int SIGNATURE = tag(3);

  /**
   * Parses a frame strictly: fields that are unknown or given twice are refused.
   *
   * @param bytes the message as it came
   * @return the frame
   * @throws InvalidProtocolBufferException if it is no frame
   */
  public static Frame parse(byte[] bytes) throws InvalidProtocolBufferException {
    try {
      return read(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw e;
    } catch (IOException e) {
      throw new InvalidProtocolBufferException(e);
    }
  }

  private static Frame read(byte[] bytes) throws IOException {
    var in = CodedInputStream.newInstance(bytes);
    ByteString content = null;
    String keyId = null;
    ByteString signature = null;
    while (!in.isAtEnd()) {
      var tag = in.readTag();
      if (tag == CONTENT && content == null) content = in.readBytes();
      else if (tag == KEY_ID && keyId == null) keyId = in.readStringRequireUtf8();
      else if (tag == SIGNATURE && signature == null) signature = in.readBytes();
      else throw new InvalidProtocolBufferException("The frame has a field that is unknown or given twice.");
    }
    return new Frame(
        content == null ? ByteString.EMPTY : content,
        keyId == null ? "" : keyId,
        signature == null ? ByteString.EMPTY : signature);
  }

  /**
   * Serializes the frame.
   *
   * @return the message as it is sent
   */
  public byte[] toBytes() {
    var bytes = new byte[size()];
    var out = CodedOutputStream.newInstance(bytes);
    try {
      if (!content.isEmpty()) out.writeBytes(1, content);
      if (!keyId.isEmpty()) out.writeString(2, keyId);
      if (!signature.isEmpty()) out.writeBytes(3, signature);
      out.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new IllegalStateException("The size of the frame was computed wrongly.", e);
    }
    return bytes;
  }

  /**
   * Computes the size of the serialized frame, which a server limits to 1,048,576 bytes.
   *
   * @return the number of bytes
   */
  public int size() {
    var size = 0;
    if (!content.isEmpty()) size += CodedOutputStream.computeBytesSize(1, content);
    if (!keyId.isEmpty()) size += CodedOutputStream.computeStringSize(2, keyId);
    if (!signature.isEmpty()) size += CodedOutputStream.computeBytesSize(3, signature);
    return size;
  }

  /** A frame of an array that nobody else changes. */
  static Frame of(byte[] content, String keyId, byte[] signature) {
    return new Frame(UnsafeByteOperations.unsafeWrap(content), keyId, UnsafeByteOperations.unsafeWrap(signature));
  }

  private static int tag(int field) {
    return field << 3 | WireFormat.WIRETYPE_LENGTH_DELIMITED;
  }
}

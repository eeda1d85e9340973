package dev.sealwire;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * A field of a serialized message.
 *
 * @param number the number of the field
 * @param raw all its bytes, the tag included
 * @param content null unless the field is length-delimited
 * @param varint null unless the field is a varint
 */
record WireField(int number, ByteString raw, ByteString content, Long varint) {
  /** Reads a serialized message field by field. Throws IllegalArgumentException if the bytes are none. */
  static List<WireField> read(ByteString message) {
    var fields = new ArrayList<WireField>();
    var input = message.newCodedInput();
    try {
      while (!input.isAtEnd()) fields.add(next(message, input));
    } catch (IOException e) {
      throw new IllegalArgumentException("a serialized message is not well-formed: " + e.getMessage(), e);
    }
    return fields;
  }

  private static WireField next(ByteString message, CodedInputStream input) throws IOException {
    var start = input.getTotalBytesRead();
    var tag = input.readTag();
    ByteString content = null;
    Long varint = null;
    switch (WireFormat.getTagWireType(tag)) {
      case WireFormat.WIRETYPE_LENGTH_DELIMITED -> content = input.readBytes();
      case WireFormat.WIRETYPE_VARINT -> varint = input.readRawVarint64();
      case WireFormat.WIRETYPE_FIXED32, WireFormat.WIRETYPE_FIXED64 -> input.skipField(tag);
      default -> throw new InvalidProtocolBufferException("a field has the wire type of a group");
    }
    var raw = message.substring(start, input.getTotalBytesRead());
    return new WireField(WireFormat.getTagFieldNumber(tag), raw, content, varint);
  }

  /** The length-delimited fields with a number, in their order. */
  static Stream<ByteString> contents(List<WireField> fields, int number) {
    return fields.stream().filter(each -> each.number == number && each.content != null).map(WireField::content);
  }

  /** The message in a singular field: protobuf merges the occurrences of the field. Empty if it is not set. */
  static ByteString message(List<WireField> fields, int number) {
    return contents(fields, number).reduce(ByteString.EMPTY, ByteString::concat);
  }

  /** The value of a singular text field. Empty if it is not set. */
  static ByteString text(List<WireField> fields, int number) {
    return contents(fields, number).reduce(ByteString.EMPTY, (previous, last) -> last);
  }

  /** The values of a varint field, packed or not. */
  static List<Long> varints(List<WireField> fields, int number) {
    var values = new ArrayList<Long>();
    for (var each : fields) {
      if (each.number != number) continue;
      if (each.varint != null) values.add(each.varint);
      if (each.content != null) addPacked(each.content.newCodedInput(), values);
    }
    return values;
  }

  private static void addPacked(CodedInputStream input, List<Long> values) {
    try {
      while (!input.isAtEnd()) values.add(input.readRawVarint64());
    } catch (IOException e) {
      throw new IllegalArgumentException("a packed field is not well-formed: " + e.getMessage(), e);
    }
  }
}

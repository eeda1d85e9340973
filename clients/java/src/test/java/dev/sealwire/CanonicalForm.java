package dev.sealwire;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;

/**
 * Writes messages in canonical form (docs/protocol-server.md). Java's own deterministic encoder sorts texts by their UTF-16
 * units, and orders no map of a DynamicMessage.
 */
final class CanonicalForm {
  private CanonicalForm() {}

  static ByteString of(Message message) throws IOException {
    var bytes = ByteString.newOutput();
    var out = CodedOutputStream.newInstance(bytes);
    for (var field : message.getAllFields().entrySet()) writeField(out, field.getKey(), field.getValue());
    out.flush();
    return bytes.toByteString();
  }

  private static void writeField(CodedOutputStream out, FieldDescriptor field, Object value) throws IOException {
    if (field.isMapField()) {
      var key = field.getMessageType().findFieldByNumber(1);
      var entries = new TreeMap<Object, Message>(keyOrder(key));
      // A DynamicMessage holds a list here, in which a key may come twice: the last one counts.
      for (Message entry : CanonicalForm.<Message>elements(value)) entries.put(entry.getField(key), entry);
      for (var entry : entries.values()) out.writeBytes(field.getNumber(), entry(entry));
    } else if (field.isPacked()) {
      out.writeBytes(field.getNumber(), packed(field, elements(value)));
    } else if (field.isRepeated()) {
      for (var each : elements(value)) writeElement(out, field, each);
    } else {
      writeElement(out, field, value);
    }
  }

  /** Key and value are both written, whether or not they are defaults. */
  private static ByteString entry(Message entry) throws IOException {
    var bytes = ByteString.newOutput();
    var out = CodedOutputStream.newInstance(bytes);
    for (var field : entry.getDescriptorForType().getFields()) writeElement(out, field, entry.getField(field));
    out.flush();
    return bytes.toByteString();
  }

  private static ByteString packed(FieldDescriptor field, List<?> values) throws IOException {
    var bytes = ByteString.newOutput();
    var out = CodedOutputStream.newInstance(bytes);
    for (var value : values) writeValue(out, field, value);
    out.flush();
    return bytes.toByteString();
  }

  private static void writeElement(CodedOutputStream out, FieldDescriptor field, Object value) throws IOException {
    var wireType = switch (field.getType()) {
      case DOUBLE, FIXED64, SFIXED64 -> WireFormat.WIRETYPE_FIXED64;
      case FLOAT, FIXED32, SFIXED32 -> WireFormat.WIRETYPE_FIXED32;
      case STRING, BYTES, MESSAGE -> WireFormat.WIRETYPE_LENGTH_DELIMITED;
      default -> WireFormat.WIRETYPE_VARINT;
    };
    out.writeTag(field.getNumber(), wireType);
    writeValue(out, field, value);
  }

  private static void writeValue(CodedOutputStream out, FieldDescriptor field, Object value) throws IOException {
    switch (field.getType()) {
      case DOUBLE -> out.writeDoubleNoTag((Double) value);
      case FLOAT -> out.writeFloatNoTag((Float) value);
      case INT64 -> out.writeInt64NoTag((Long) value);
      case UINT64 -> out.writeUInt64NoTag((Long) value);
      case SINT64 -> out.writeSInt64NoTag((Long) value);
      case FIXED64 -> out.writeFixed64NoTag((Long) value);
      case SFIXED64 -> out.writeSFixed64NoTag((Long) value);
      case INT32 -> out.writeInt32NoTag((Integer) value);
      case UINT32 -> out.writeUInt32NoTag((Integer) value);
      case SINT32 -> out.writeSInt32NoTag((Integer) value);
      case FIXED32 -> out.writeFixed32NoTag((Integer) value);
      case SFIXED32 -> out.writeSFixed32NoTag((Integer) value);
      case BOOL -> out.writeBoolNoTag((Boolean) value);
      case ENUM -> out.writeEnumNoTag(((EnumValueDescriptor) value).getNumber());
      case STRING -> out.writeStringNoTag((String) value);
      case BYTES -> out.writeBytesNoTag((ByteString) value);
      case MESSAGE -> out.writeBytesNoTag(of((Message) value));
      case GROUP -> throw new IllegalArgumentException("proto3 has no groups");
    }
  }

  private static Comparator<Object> keyOrder(FieldDescriptor key) {
    return switch (key.getType()) {
      case STRING -> Comparator.comparing(
          each -> ByteString.copyFromUtf8((String) each), ByteString.unsignedLexicographicalComparator());
      case UINT32, FIXED32 -> (one, other) -> Integer.compareUnsigned((Integer) one, (Integer) other);
      case UINT64, FIXED64 -> (one, other) -> Long.compareUnsigned((Long) one, (Long) other);
      case BOOL -> Comparator.comparing(Boolean.class::cast);
      case INT32, SINT32, SFIXED32 -> Comparator.comparing(Integer.class::cast);
      default -> Comparator.comparing(Long.class::cast);
    };
  }

  @SuppressWarnings("unchecked")
  private static <E> List<E> elements(Object repeated) {
    return (List<E>) repeated;
  }
}

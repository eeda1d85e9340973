package dev.sealwire;

import com.google.protobuf.AnyProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.DescriptorValidationException;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DurationProto;
import com.google.protobuf.FieldMaskProto;
import com.google.protobuf.StructProto;
import com.google.protobuf.TimestampProto;
import com.google.protobuf.WrappersProto;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;

/** The message types of a descriptor set, and the well-known ones. */
final class MessageTypes {
  private final List<FileDescriptor> files = new ArrayList<>(List.of(
      AnyProto.getDescriptor(),
      DurationProto.getDescriptor(),
      FieldMaskProto.getDescriptor(),
      StructProto.getDescriptor(),
      TimestampProto.getDescriptor(),
      WrappersProto.getDescriptor()));

  MessageTypes(FileDescriptorSet set) throws IOException {
    try {
      for (var file : set.getFileList())
        files.add(FileDescriptor.buildFrom(file, files.toArray(FileDescriptor[]::new)));
    } catch (DescriptorValidationException e) {
      throw new IOException(e);
    }
  }

  Descriptor find(String fullName) {
    for (var file : files) {
      var isHere = fullName.startsWith(file.getPackage() + ".");
      var found = isHere ? file.findMessageTypeByName(fullName.substring(file.getPackage().length() + 1)) : null;
      if (found != null) return found;
    }
    throw new NoSuchElementException(fullName);
  }
}

package dev.sealwire;

import com.google.protobuf.DescriptorProtos.DescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.DescriptorProtos.MethodDescriptorProto;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.sealwire.system.v1.ListToolsResponse;
import dev.sealwire.system.v1.ToolDescription;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The tools that the server offers the client's key, from a verified answer.
 *
 * @param byPath the methods by gRPC path without the leading slash
 * @param byTool the same by the names of the tools
 */
record Contract(Map<String, ToolMethod> byPath, Map<String, ToolMethod> byTool) {
  private static final String PROGRESS = ".sealwire.v1.JobProgress";
  private static final String SYSTEM = "sealwire.system.v1.";

  /** Reads a verified answer of list_tools with descriptors. Throws FailureException. */
  static Contract read(ListToolsResponse response) {
    var methods = new HashMap<String, MethodDescriptorProto>();
    var messages = new HashMap<String, DescriptorProto>();
    for (var file : filesOf(response)) collect(file, methods, messages);
    var declarations = ListedDefinition.declarationsOf(response);
    var byPath = new HashMap<String, ToolMethod>();
    var byTool = new HashMap<String, ToolMethod>();
    for (var description : response.getToolsList()) {
      var name = description.getMethod();
      var method = methods.get(name);
      if (method == null) continue;
      var read = readMethod(new ListedDefinition(description, declarations), description, method, messages);
      var dot = name.lastIndexOf('.');
      byPath.put(name.substring(0, dot) + "/" + name.substring(dot + 1), read);
      byTool.put(read.tool(), read);
    }
    return new Contract(byPath, byTool);
  }

  /** The methods that there are, as a list for people; those of every server come last. */
  String names() {
    return byPath.keySet().stream()
        .sorted(Comparator.comparing((String path) -> path.startsWith(SYSTEM)).thenComparing(path -> path))
        .collect(Collectors.joining(", "));
  }

  private static Iterable<FileDescriptorProto> filesOf(ListToolsResponse response) {
    try {
      return FileDescriptorSet.parseFrom(response.getDescriptorSet()).getFileList();
    } catch (InvalidProtocolBufferException e) {
      throw new FailureException(Failure.invalid("The server's list_tools answer cannot be used: " + e.getMessage()));
    }
  }

  private static void collect(
      FileDescriptorProto file, Map<String, MethodDescriptorProto> methods, Map<String, DescriptorProto> messages) {
    var prefix = file.getPackage().isEmpty() ? "" : file.getPackage() + ".";
    for (var service : file.getServiceList()) {
      for (var method : service.getMethodList()) {
        methods.put(prefix + service.getName() + "." + method.getName(), method);
      }
    }
    for (var message : file.getMessageTypeList()) collectMessage("." + prefix, message, messages);
  }

  private static void collectMessage(String prefix, DescriptorProto message, Map<String, DescriptorProto> messages) {
    messages.put(prefix + message.getName(), message);
    for (var nested : message.getNestedTypeList()) collectMessage(prefix + message.getName() + ".", nested, messages);
  }

  private static ToolMethod readMethod(
      ListedDefinition definition, ToolDescription description, MethodDescriptorProto method,
      Map<String, DescriptorProto> messages) {
    var isJob = description.hasJob();
    var progress = isJob && method.getServerStreaming() ? progressField(messages.get(method.getOutputType())) : 0;
    return new ToolMethod(description.getName(), typeUrl(method.getInputType()), typeUrl(method.getOutputType()), isJob,
        description.getIdempotent() && !isJob, progress, definition);
  }

  private static int progressField(DescriptorProto message) {
    if (message == null) return 0;
    for (var field : message.getFieldList()) if (field.getTypeName().equals(PROGRESS)) return field.getNumber();
    return 0;
  }

  private static String typeUrl(String type) {
    return Intent.TYPE_URL_PREFIX + type.substring(1);
  }
}

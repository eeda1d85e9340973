package dev.sealwire;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.sealwire.system.v1.ListToolsResponse;
import dev.sealwire.system.v1.ToolDescription;
import dev.sealwire.v1.Options;
import dev.sealwire.v1.ToolOptions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Computes digests of the definitions of tools, by which a client accepts one definition only (docs/protocol.md, Tool
 * definitions).
 */
public final class ToolDefinition {
  // Fields of a MethodDescriptorProto and of its options.
  private static final int INPUT_TYPE = 2;
  private static final int OUTPUT_TYPE = 3;
  private static final int OPTIONS = 4;
  private static final int IDEMPOTENCY_LEVEL = 34;

  /** Types whose JSON form the specification fixes. They are the same in every contract. */
  private static final Set<ByteString> FIXED = Stream.of(
          "Any", "Timestamp", "Duration", "FieldMask", "Empty", "Struct", "Value", "ListValue", "NullValue", "BoolValue",
          "BytesValue", "DoubleValue", "FloatValue", "Int32Value", "Int64Value", "StringValue", "UInt32Value",
          "UInt64Value")
      .map(name -> utf8("google.protobuf." + name))
      .collect(Collectors.toUnmodifiableSet());

  private ToolDefinition() {}

  /**
   * Computes the digest of a tool's definition from a verified answer of list_tools with descriptors. It changes when
   * anything changes that a model is shown of the tool, comments included. Only the name and the method of the tool are
   * used, and not what the server states as its digest: a server that changes a tool may state the earlier one.
   *
   * @param tool a tool of the answer
   * @param descriptorSet {@link ListToolsResponse#getDescriptorSet()} of the same answer
   * @return 64 hex digits
   * @throws IllegalArgumentException if the descriptors cannot be read or have no such method
   */
  public static String digest(ToolDescription tool, ByteString descriptorSet) {
    return digest(tool, new Declarations(descriptorSet));
  }

  static String digest(ToolDescription tool, Declarations declarations) {
    var path = tool.getMethodBytes();
    var method = declarations.method(path);
    if (method == null) throw new IllegalArgumentException("there is no descriptor of " + tool.getMethod());
    var options = WireField.read(WireField.message(method.fields(), OPTIONS));
    var hints = hintsOf(options);
    var request = Declarations.withoutDot(WireField.text(method.fields(), INPUT_TYPE));
    var response = Declarations.withoutDot(WireField.text(method.fields(), OUTPUT_TYPE));
    var isJob = WireField.contents(options, Options.JOB_FIELD_NUMBER).findAny().isPresent();
    var parts = new ArrayList<>(List.of(
        utf8("definition"), tool.getNameBytes(), hints.getTitleBytes(), method.comment(), path, request, response,
        utf8(isJob ? "job" : "call"), utf8(effectOf(options)), utf8(destructive(hints)), utf8(openWorld(hints)),
        hints.getInputSchemaBytes(), hints.getOutputSchemaBytes()));
    for (var each : closure(declarations, List.of(request, response))) {
      var type = new ArrayList<>(List.of(each.name(), each.declaration()));
      type.addAll(each.comments());
      parts.add(ByteString.copyFrom(pae(type)));
    }
    return HexFormat.of().formatHex(sha256(pae(parts)));
  }

  private static ToolOptions hintsOf(List<WireField> options) {
    try {
      return ToolOptions.parseFrom(WireField.message(options, Options.TOOL_FIELD_NUMBER));
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("the options of a method do not decode: " + e.getMessage(), e);
    }
  }

  private static String effectOf(List<WireField> options) {
    var levels = WireField.varints(options, IDEMPOTENCY_LEVEL);
    var level = levels.isEmpty() ? 0 : levels.get(levels.size() - 1);
    return level == 1 ? "read_only" : level == 2 ? "idempotent" : "";
  }

  /** The earlier field counts where it is true. */
  @SuppressWarnings("deprecation")
  private static String destructive(ToolOptions hints) {
    if (hints.hasDestructiveHint()) return String.valueOf(hints.getDestructiveHint());
    return hints.getDestructive() ? "true" : "";
  }

  @SuppressWarnings("deprecation")
  private static String openWorld(ToolOptions hints) {
    if (hints.hasOpenWorldHint()) return String.valueOf(hints.getOpenWorldHint());
    return hints.getOpenWorld() ? "true" : "";
  }

  /** The types that the roots use, directly or not, sorted by name. */
  private static List<Declarations.Type> closure(Declarations declarations, List<ByteString> roots) {
    var seen = new HashSet<ByteString>();
    var found = new ArrayList<Declarations.Type>();
    var waiting = new ArrayDeque<>(roots);
    while (!waiting.isEmpty()) {
      var name = waiting.remove();
      if (FIXED.contains(name) || !seen.add(name)) continue;
      var type = declarations.type(name);
      if (type == null) continue;
      found.add(type);
      waiting.addAll(type.uses());
    }
    found.sort(Comparator.comparing(Declarations.Type::name, ByteString.unsignedLexicographicalComparator()));
    return found;
  }

  private static byte[] pae(List<ByteString> parts) {
    return Signing.pae(parts.toArray(ByteString[]::new));
  }

  private static ByteString utf8(String text) {
    return ByteString.copyFromUtf8(text);
  }

  private static byte[] sha256(byte[] input) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(input);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256.", e);
    }
  }
}

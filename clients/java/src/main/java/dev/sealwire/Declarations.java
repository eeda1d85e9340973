package dev.sealwire;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The methods and types of a serialized FileDescriptorSet by their full names, with their bytes as they are
 * (docs/protocol.md, Tool definitions).
 */
final class Declarations {
  // Numbers of fields in google/protobuf/descriptor.proto, of which the paths of comments consist, too.
  private static final int SET_FILE = 1;
  private static final int FILE_NAME = 1;
  private static final int FILE_PACKAGE = 2;
  private static final int FILE_MESSAGE = 4;
  private static final int FILE_ENUM = 5;
  private static final int FILE_SERVICE = 6;
  private static final int FILE_SOURCE_INFO = 9;
  private static final int MESSAGE_FIELD = 2;
  private static final int MESSAGE_MESSAGE = 3;
  private static final int MESSAGE_ENUM = 4;
  private static final int ENUM_VALUE = 2;
  private static final int SERVICE_METHOD = 2;
  private static final int NAME = 1;
  private static final int FIELD_TYPE_NAME = 6;

  /** Two numbers for each of the 100 levels that messages of protobuf have at most. */
  private static final int PATH_MOST = 200;

  private static final ByteString DOT = ByteString.copyFromUtf8(".");

  private final Set<ByteString> files = new HashSet<>();
  private final Map<ByteString, Place> types = new HashMap<>();
  private final Map<ByteString, Method> methods = new HashMap<>();

  /**
   * A method as its file declares it.
   *
   * @param fields those of its MethodDescriptorProto
   * @param comment empty if there is none
   */
  record Method(List<WireField> fields, ByteString comment) {}

  /**
   * A message or an enum as its file declares it.
   *
   * @param name its full name
   * @param declaration its serialized descriptor without the types that it contains
   * @param comments that of the type, then of each field or value; empty where there is none
   * @param uses the full names of the types of its fields
   */
  record Type(ByteString name, ByteString declaration, List<ByteString> comments, List<ByteString> uses) {}

  /** Where a type is declared. */
  private record Place(Comments comments, List<Long> path, List<WireField> fields, boolean isEnum) {}

  /** Throws IllegalArgumentException if the bytes are no descriptor set, or if it declares something twice. */
  Declarations(ByteString descriptorSet) {
    WireField.contents(WireField.read(descriptorSet), SET_FILE).forEach(this::addFile);
  }

  /** The method with a full name; null if there is none. */
  Method method(ByteString name) {
    return methods.get(name);
  }

  /** The message or enum with a full name; null if there is none. */
  Type type(ByteString name) {
    var place = types.get(name);
    if (place == null) return null;
    var member = place.isEnum ? ENUM_VALUE : MESSAGE_FIELD;
    var declaration = ByteString.EMPTY;
    var comments = new ArrayList<>(List.of(place.comments.at(place.path)));
    var uses = new ArrayList<ByteString>();
    for (var each : place.fields) {
      if (!place.isEnum && (each.number() == MESSAGE_MESSAGE || each.number() == MESSAGE_ENUM)) continue;
      declaration = declaration.concat(each.raw());
      if (each.number() != member || each.content() == null) continue;
      comments.add(place.comments.at(Comments.path(place.path, member, comments.size() - 1)));
      var used = WireField.text(WireField.read(each.content()), FIELD_TYPE_NAME);
      if (!place.isEnum && !used.isEmpty()) uses.add(withoutDot(used));
    }
    return new Type(name, declaration, comments, uses);
  }

  /** A name without the dot in front. */
  static ByteString withoutDot(ByteString name) {
    return name.startsWith(DOT) ? name.substring(1) : name;
  }

  private void addFile(ByteString file) {
    var fields = WireField.read(file);
    var name = WireField.text(fields, FILE_NAME);
    if (!files.add(name)) throw twice(name);
    var prefix = WireField.text(fields, FILE_PACKAGE);
    var comments = new Comments(WireField.message(fields, FILE_SOURCE_INFO));
    addTypes(new Place(comments, List.of(), fields, false), prefix, FILE_MESSAGE, FILE_ENUM);
    var services = WireField.contents(fields, FILE_SERVICE).toList();
    for (var index = 0; index < services.size(); index += 1) {
      addMethods(comments, WireField.read(services.get(index)), Comments.path(List.of(), FILE_SERVICE, index), prefix);
    }
  }

  /** Adds the types that a file or a message contains, with those inside them. */
  private void addTypes(Place outer, ByteString prefix, int message, int enumeration) {
    for (var number : List.of(message, enumeration)) {
      var found = WireField.contents(outer.fields, number).toList();
      for (var index = 0; index < found.size(); index += 1) {
        var fields = WireField.read(found.get(index));
        var name = join(prefix, WireField.text(fields, NAME));
        var path = Comments.path(outer.path, number, index);
        if (path.size() > PATH_MOST) throw new IllegalArgumentException("the types are nested too deep");
        var place = new Place(outer.comments, path, fields, number == enumeration);
        if (types.putIfAbsent(name, place) != null) throw twice(name);
        if (!place.isEnum) addTypes(place, name, MESSAGE_MESSAGE, MESSAGE_ENUM);
      }
    }
  }

  private void addMethods(Comments comments, List<WireField> service, List<Long> path, ByteString outer) {
    var prefix = join(outer, WireField.text(service, NAME));
    var found = WireField.contents(service, SERVICE_METHOD).toList();
    for (var index = 0; index < found.size(); index += 1) {
      var fields = WireField.read(found.get(index));
      var name = join(prefix, WireField.text(fields, NAME));
      var method = new Method(fields, comments.at(Comments.path(path, SERVICE_METHOD, index)));
      if (methods.putIfAbsent(name, method) != null) throw twice(name);
    }
  }

  private static ByteString join(ByteString prefix, ByteString name) {
    return prefix.isEmpty() ? name : prefix.concat(DOT).concat(name);
  }

  private static IllegalArgumentException twice(ByteString name) {
    return new IllegalArgumentException(name.toStringUtf8() + " is declared twice");
  }
}

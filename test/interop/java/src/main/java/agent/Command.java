package agent;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** One command. */
record Command(JsonObject fields) {
  private static final Set<String> IMMEDIATE = Set.of("open", "stop");

  boolean isImmediate() {
    return IMMEDIATE.contains(op());
  }

  int id() {
    return fields.get("id").getAsInt();
  }

  String op() {
    return text("op");
  }

  boolean has(String name) {
    return fields.has(name) && !fields.get(name).isJsonNull();
  }

  String text(String name) {
    return has(name) ? fields.get(name).getAsString() : "";
  }

  Path path(String name) {
    return Path.of(text(name));
  }

  long number(String name, long otherwise) {
    return has(name) ? fields.get(name).getAsLong() : otherwise;
  }

  JsonObject object(String name) {
    return has(name) ? fields.getAsJsonObject(name) : new JsonObject();
  }

  /** The texts of an object by their names. */
  Map<String, String> texts(String name) {
    return object(name).entrySet().stream()
        .collect(Collectors.toMap(Map.Entry::getKey, each -> each.getValue().getAsString()));
  }

  JsonArray list(String name) {
    return has(name) ? fields.getAsJsonArray(name) : new JsonArray();
  }
}

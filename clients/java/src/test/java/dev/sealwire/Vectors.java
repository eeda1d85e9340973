package dev.sealwire;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** Reads a file of the test vectors, and collects where the package disagrees with it. */
final class Vectors {
  private static final String FOLDER = System.getenv().getOrDefault("SEALWIRE_VECTORS", "../../test/vectors");

  final JsonObject file;
  final List<String> disagreements = new ArrayList<>();

  Vectors(String name) {
    try {
      file = JsonParser.parseString(Files.readString(Path.of(FOLDER, name))).getAsJsonObject();
    } catch (IOException e) {
      throw new UncheckedIOException("Run the tests in clients/java, or set SEALWIRE_VECTORS to the folder.", e);
    }
  }

  List<JsonObject> cases(String name) {
    return cases(file, name);
  }

  /** Notes a disagreement unless the check holds. */
  void expect(JsonObject vector, String check, boolean holds) {
    if (!holds) disagreements.add((vector.has("id") ? vector.get("id") : vector.get("comment")) + " " + check);
  }

  static List<JsonObject> cases(JsonObject object, String name) {
    return object.getAsJsonArray(name).asList().stream().map(JsonElement::getAsJsonObject).toList();
  }

  static String text(JsonObject object, String name) {
    return object.get(name).getAsString();
  }

  static ByteString bytes(JsonElement digits) {
    return hex(digits.getAsString());
  }

  static ByteString hex(String digits) {
    return ByteString.copyFrom(HexFormat.of().parseHex(digits));
  }

  /** Bytes as hex and runs of one byte. */
  static ByteString runs(JsonElement list) {
    if (!list.isJsonArray()) return bytes(list);
    return list.getAsJsonArray().asList().stream().map(Vectors::run).reduce(ByteString.EMPTY, ByteString::concat);
  }

  private static ByteString run(JsonElement item) {
    if (!(item instanceof JsonObject run)) return bytes(item);
    return hex(text(run, "byte").repeat(run.get("times").getAsInt()));
  }
}

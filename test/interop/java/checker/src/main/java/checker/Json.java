package checker;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;

/** Reads the files of test/vectors. */
final class Json {
  private Json() {}

  static JsonObject read(Path folder, String name) throws IOException {
    return JsonParser.parseString(Files.readString(folder.resolve(name))).getAsJsonObject();
  }

  static List<JsonObject> cases(JsonObject file, String name) {
    return file.getAsJsonArray(name).asList().stream().map(JsonElement::getAsJsonObject).toList();
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

  /** Bytes as sizes.json writes them: hex, and runs of one byte. */
  static ByteString runs(JsonElement list) {
    return list.getAsJsonArray().asList().stream().map(Json::run).reduce(ByteString.EMPTY, ByteString::concat);
  }

  private static ByteString run(JsonElement item) {
    if (!(item instanceof JsonObject run)) return bytes(item);
    return hex(text(run, "byte").repeat(run.get("times").getAsInt()));
  }
}

package example;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Base64;

/** The ids of client, key and server, the address, and both keys. */
public record Credentials(
    String address,
    String serverId,
    String serverFingerprint,
    String clientId,
    String keyId,
    byte[] requestKey,
    byte[] responseKey) {

  /** Reads a credentials file. Refuses a file that other users can access. */
  public static Credentials read(Path path) throws IOException {
    if (!PosixFilePermissions.toString(Files.getPosixFilePermissions(path)).endsWith("------"))
      throw new IOException("others can read the keys: chmod 600 " + path);
    var fields = JsonParser.parseString(Files.readString(path)).getAsJsonObject();
    return new Credentials(
        text(fields, "address"),
        text(fields, "server_id"),
        text(fields, "server_fingerprint"),
        text(fields, "client_id"),
        text(fields, "key_id"),
        readKey("sws_", text(fields, "request_key")),
        readKey("swr_", text(fields, "response_key")));
  }

  /** Parses the text form of a key: a prefix and base64url without padding. */
  public static byte[] readKey(String prefix, String text) throws IOException {
    try {
      var digits = text.startsWith(prefix) ? text.substring(prefix.length()) : "";
      var key = Base64.getUrlDecoder().decode(digits);
      // The decoder also accepts padding and nonzero trailing bits.
      var isExact = Base64.getUrlEncoder().withoutPadding().encodeToString(key).equals(digits);
      if (isExact && key.length >= 32 && key.length <= 1024) return key;
    } catch (IllegalArgumentException e) {
      // The message of this exception may contain a part of the key, so it is not used.
    }
    throw new IOException("the key that starts with " + prefix + " is damaged: copy it whole");
  }

  private static String text(JsonObject fields, String name) throws IOException {
    if (fields.get(name) instanceof JsonPrimitive value && value.isString()) return value.getAsString();
    throw new IOException("the credentials lack " + name);
  }
}

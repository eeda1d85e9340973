package dev.sealwire;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import java.io.EOFException;
import java.io.IOException;
import java.io.StringReader;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/** The fields of credentials as text, with checks whose errors name the field and never its value. */
final class CredentialsFields {
  private static final Pattern IDENTIFIER = Pattern.compile("[!-~]{1,128}");
  private static final Pattern FINGERPRINT = Pattern.compile("[0-9a-f]{32}");

  private final String subject;
  private final UnaryOperator<String> nameOf;
  private final Map<String, String> values;

  private CredentialsFields(String subject, UnaryOperator<String> nameOf, Map<String, String> values) {
    this.subject = subject;
    this.nameOf = nameOf;
    this.values = values;
  }

  /** Parses a JSON object. Members that are not known here are ignored. */
  static CredentialsFields ofJson(String json, String subject) {
    var values = new HashMap<String, String>();
    var fields = new CredentialsFields(subject, name -> name, values);
    try (var reader = new JsonReader(new StringReader(json))) {
      reader.setStrictness(Strictness.STRICT);
      if (reader.peek() != JsonToken.BEGIN_OBJECT) throw fields.refused("they must be a JSON object");
      reader.beginObject();
      while (reader.hasNext()) fields.readMember(reader);
      reader.endObject();
      if (reader.peek() != JsonToken.END_DOCUMENT) throw fields.refused("something follows the JSON object");
    } catch (MalformedJsonException | EOFException e) {
      // The message of the parser may quote the text, and so a key.
      throw fields.refused("they are not JSON");
    } catch (IOException e) {
      throw fields.refused("they cannot be read");
    }
    return fields;
  }

  /** Takes the fields from variables such as SEALWIRE_KEY_ID. */
  static CredentialsFields ofEnvironment(Map<String, String> environment) {
    return new CredentialsFields(
        "The credentials in the environment", name -> "SEALWIRE_" + name.toUpperCase(Locale.ROOT), environment);
  }

  private void readMember(JsonReader reader) throws IOException {
    var name = reader.nextName();
    if (values.containsKey(name)) throw refused(name, "is there twice");
    if (reader.peek() == JsonToken.STRING) {
      values.put(name, reader.nextString());
    } else {
      values.put(name, null);
      reader.skipValue();
    }
  }

  String identifier(String name) {
    return matching(name, IDENTIFIER, "1 to 128 printable ASCII characters without spaces");
  }

  String fingerprint(String name) {
    return matching(name, FINGERPRINT, "32 hex digits");
  }

  String address() {
    var text = text("address");
    try {
      Addresses.parse(text);
    } catch (IllegalArgumentException e) {
      throw refused("address", "must be an address that a client can call, such as \"127.0.0.1:50051\"");
    }
    return text;
  }

  HmacKey key(String name, Function<String, HmacKey> parse) {
    try {
      return parse.apply(text(name));
    } catch (IllegalArgumentException e) {
      throw refused(name, "is no key: " + e.getMessage());
    }
  }

  private String matching(String name, Pattern pattern, String expected) {
    var text = text(name);
    if (!pattern.matcher(text).matches()) throw refused(name, "must be " + expected);
    return text;
  }

  private String text(String name) {
    var key = nameOf.apply(name);
    if (!values.containsKey(key)) throw refused(name, "is missing");
    var text = values.get(key);
    if (text == null) throw refused(name, "must be a text in quotes");
    return text;
  }

  private CredentialsException refused(String name, String problem) {
    return refused(nameOf.apply(name) + " " + problem);
  }

  private CredentialsException refused(String problem) {
    var end = problem.endsWith(".") ? "" : ".";
    return new CredentialsException(subject + " are refused: " + problem + end);
  }
}

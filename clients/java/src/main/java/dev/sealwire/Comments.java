package dev.sealwire;

import com.google.protobuf.ByteString;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** The comments of a file by the paths of their declarations. */
final class Comments {
  private static final int LOCATION = 1;
  private static final int PATH = 1;
  private static final int LEADING = 3;
  private static final int TRAILING = 4;

  /** Only ASCII blanks, so that every language finds the same text. */
  private static final Pattern BLANKS_AROUND = Pattern.compile("^[ \\t\\x0B\\f\\r]+|[ \\t\\x0B\\f\\r]+\\z");

  private final Map<List<Long>, ByteString> texts = new HashMap<>();

  /** Reads a serialized SourceCodeInfo. Throws IllegalArgumentException. */
  Comments(ByteString sourceInfo) {
    WireField.contents(WireField.read(sourceInfo), LOCATION).forEach(location -> {
      var fields = WireField.read(location);
      var leading = WireField.text(fields, LEADING);
      var comment = toParagraphs(leading.isEmpty() ? WireField.text(fields, TRAILING) : leading);
      if (!comment.isEmpty()) texts.putIfAbsent(WireField.varints(fields, PATH), comment);
    });
  }

  /** The comment at a path; empty if there is none. */
  ByteString at(List<Long> path) {
    return texts.getOrDefault(path, ByteString.EMPTY);
  }

  /** A path within another. */
  static List<Long> path(List<Long> outer, long number, long index) {
    var path = new ArrayList<>(outer);
    path.add(number);
    path.add(index);
    return path;
  }

  /** Joins the lines of each paragraph by a space, and the paragraphs by a line break. */
  private static ByteString toParagraphs(ByteString text) {
    var paragraphs = new ArrayList<String>();
    var isOpen = false;
    // This charset maps each byte to one character, and back.
    for (var line : text.toString(StandardCharsets.ISO_8859_1).split("\n", -1)) {
      var stripped = BLANKS_AROUND.matcher(line).replaceAll("");
      var last = paragraphs.size() - 1;
      if (isOpen && !stripped.isEmpty()) paragraphs.set(last, paragraphs.get(last) + " " + stripped);
      else if (!stripped.isEmpty()) paragraphs.add(stripped);
      isOpen = !stripped.isEmpty();
    }
    return ByteString.copyFrom(String.join("\n", paragraphs), StandardCharsets.ISO_8859_1);
  }
}

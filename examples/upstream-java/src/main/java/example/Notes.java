package example;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.Gson;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;

/** The notes file: one JSON object a line, with the text of a note and the idempotency key of the call that added it. */
final class Notes {
  private static final Gson GSON = new Gson();

  private record Note(String key, String text) {}

  private final FileChannel file;
  private final Map<String, Long> numbers = new HashMap<>();
  private long count;

  /** Opens the file, or makes it, and reads the keys in it. */
  Notes(Path path) throws IOException {
    file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    var text = Files.readString(path);
    // A crash can leave a part of a line, of a note that nobody was told about.
    var whole = text.substring(0, text.lastIndexOf('\n') + 1);
    whole.lines().map(line -> GSON.fromJson(line, Note.class)).forEach(note -> remember(note.key()));
    file.truncate(whole.getBytes(UTF_8).length);
    file.position(file.size());
  }

  /** Returns the number of the note, which is on disk then. The note of a known key is not added again. */
  synchronized long add(String text, String key) {
    var known = key == null ? null : numbers.get(key);
    if (known != null) return known;
    var line = ByteBuffer.wrap((GSON.toJson(new Note(key, text)) + "\n").getBytes(UTF_8));
    try {
      while (line.hasRemaining()) file.write(line);
      file.force(true);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return remember(key);
  }

  private long remember(String key) {
    count += 1;
    if (key != null) numbers.put(key, count);
    return count;
  }
}

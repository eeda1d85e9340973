package agent;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Writes lines to standard output. */
final class Output {
  private final Gson gson = new Gson();
  private final PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);

  void event(Command command, String name, JsonElement value) {
    var event = new JsonObject();
    event.add(name, value);
    var line = new JsonObject();
    line.addProperty("id", command.id());
    line.add("event", event);
    write(line);
  }

  void problem(Command command, String text) {
    event(command, "problem", new JsonPrimitive(text));
  }

  void answer(Command command, JsonObject answer) {
    var line = new JsonObject();
    line.addProperty("id", command.id());
    answer.entrySet().forEach(each -> line.add(each.getKey(), each.getValue()));
    write(line);
  }

  private synchronized void write(JsonObject line) {
    out.println(gson.toJson(line));
    out.flush();
  }
}

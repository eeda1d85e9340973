package agent;

import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Reads commands on standard input and answers on standard output: see AGENT.md. */
public final class Main {
  private Main() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    var output = new Output();
    var commands = new Commands(output);
    var pool = Executors.newCachedThreadPool();
    try (var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (var line = in.readLine(); line != null; line = in.readLine()) {
        if (line.isBlank()) continue;
        var command = new Command(JsonParser.parseString(line).getAsJsonObject());
        // In the order of their arrival, so that later commands find what these have made.
        if (command.isImmediate()) commands.run(command);
        else pool.execute(() -> commands.run(command));
      }
    }
    commands.close();
    pool.shutdown();
    pool.awaitTermination(5, TimeUnit.SECONDS);
    System.exit(0);
  }
}

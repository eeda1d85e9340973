package agent;

import com.google.gson.JsonObject;

/** Runs commands. */
final class Commands {
  private final Output output;
  private final Channels channels = new Channels();
  private final Calls calls;
  private final Jobs jobs;
  private final Loads loads;

  Commands(Output output) {
    this.output = output;
    calls = new Calls(output);
    jobs = new Jobs(output, channels, calls);
    loads = new Loads(output, channels);
  }

  /** Runs a command and answers it. */
  void run(Command command) {
    try {
      output.answer(command, dispatch(command));
    } catch (Throwable e) {
      output.answer(command, Answers.failed(e));
    }
  }

  void close() {
    channels.closeAll();
  }

  private JsonObject dispatch(Command command) throws Exception {
    return switch (command.op()) {
      case "open" -> {
        channels.open(command);
        yield new JsonObject();
      }
      case "close" -> {
        channels.close(command);
        yield new JsonObject();
      }
      case "stop" -> {
        calls.stop((int) command.number("target", 0));
        yield new JsonObject();
      }
      case "call" -> calls.call(command, channels.get(command));
      case "tool" -> jobs.tool(command);
      case "start" -> jobs.start(command);
      case "watch" -> jobs.watch(command);
      case "result" -> jobs.result(command);
      case "state" -> jobs.state(command);
      case "cancelJob" -> jobs.cancel(command);
      case "listJobs" -> jobs.list(command);
      case "watchJobs" -> jobs.watchAll(command);
      case "many" -> loads.many(command);
      case "random" -> loads.random(command);
      case "watches" -> loads.watches(command);
      case "resources" -> loads.resources();
      case "measure" -> loads.measure(command);
      default -> throw new IllegalArgumentException("no such command: " + command.op());
    };
  }
}

package checker;

import java.io.IOException;
import java.nio.file.Path;

/** Checks the client of examples/java; test/interop/README.md tells what each command does. */
public final class Main {
  private Main() {}

  public static void main(String[] args) throws IOException {
    var command = args.length > 0 ? args[0] : "";
    var isRight = switch (command + " " + args.length) {
      case "vectors 2" -> new Vectors(Subject.OURS).check(Path.of(args[1]));
      case "vectors 3" -> new Vectors(Subject.faulty(args[2])).check(Path.of(args[1]));
      case "echo 4" -> Echo.check(Path.of(args[1]), Integer.parseInt(args[2]), Long.parseLong(args[3]));
      default -> throw new IllegalArgumentException(
          "usage: vectors FOLDER [--wrong-signer | --wrong-verifier] | echo CREDENTIALS COUNT SEED");
    };
    if (!isRight) System.exit(1);
  }
}

package example;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/** The flags. {@code socket} is null if the server listens on TCP, {@code jwks} if it checks no assertions. */
record Options(Path socket, int port, Path notes, Path jwks, String audience, Duration pauseAfterEffect) {
  private static final String USAGE =
      "usage: Main --listen unix:PATH|127.0.0.1:PORT --notes FILE [--jwks FILE|none --audience NAME]"
          + " [--pause-after-effect MS]";
  private static final String LOOPBACK = "127.0.0.1:";

  /** Reads the flags. Throws IllegalArgumentException, with the text for the user, if they are wrong. */
  static Options of(String... args) throws IOException {
    Map<String, String> flags = new HashMap<>();
    for (var i = 0; i + 1 < args.length; i += 2) flags.put(args[i], args[i + 1]);
    var listen = flags.remove("--listen");
    var notes = flags.remove("--notes");
    var jwks = flags.getOrDefault("--jwks", "none");
    flags.remove("--jwks");
    var audience = flags.remove("--audience");
    var pauseMs = flags.containsKey("--pause-after-effect") ? flags.remove("--pause-after-effect") : "0";
    require(args.length % 2 == 0 && flags.isEmpty() && listen != null && notes != null, USAGE);
    var hasJwks = !jwks.equals("none");
    var isSocket = listen.startsWith("unix:");
    require(isSocket || listen.matches("127\\.0\\.0\\.1:[0-9]{1,5}"), "--listen takes unix:PATH or 127.0.0.1:PORT");
    require(
        isSocket || hasJwks,
        "--listen with TCP needs --jwks and --audience: every user of the machine can connect");
    require(!hasJwks || audience != null, "--jwks needs --audience");
    return new Options(
        isSocket ? privateSocket(Path.of(listen.substring("unix:".length()))) : null,
        isSocket ? 0 : Integer.parseInt(listen.substring(LOOPBACK.length())),
        Path.of(notes),
        hasJwks ? Path.of(jwks) : null,
        audience,
        Duration.ofMillis(Long.parseLong(pauseMs)));
  }

  private static Path privateSocket(Path path) throws IOException {
    var folder = path.toAbsolutePath().getParent();
    var mode = PosixFilePermissions.toString(Files.getPosixFilePermissions(folder));
    require(mode.endsWith("------"), "--listen: others can enter the socket's folder: chmod 700 " + folder);
    return path;
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) throw new IllegalArgumentException(otherwise);
  }
}

package dev.sealwire;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;

/** The addresses of a server: gRPC targets, separated by commas. */
final class Addresses {
  private static final Pattern CONTROL = Pattern.compile("[\\p{Cc}\\p{Cf}\\u2028\\u2029]");
  private static final Pattern HOST_PORT =
      Pattern.compile("(?:dns:(?://[^/]*/)?)?(?:\\[([0-9A-Fa-f:.%]+)]|([^\\s:/\\[\\]]+))(?::(\\d{1,5}))?");
  private static final Pattern OTHER = Pattern.compile("unix:(?:///|(?!//)).+|ipv[46]:\\S+");
  private static final Pattern LOOPBACK = Pattern.compile("localhost|::1|127(?:\\.\\d{1,3}){3}");

  private Addresses() {}

  /** Splits and checks a list. Throws IllegalArgumentException. */
  static List<String> parse(String text) {
    var targets = Arrays.stream(text.split(",", -1)).map(String::strip).toList();
    for (var target : targets) {
      if (!isTarget(target)) {
        throw new IllegalArgumentException(
            "An address is not right; give HOST:PORT, unix:/path or dns:///HOST:PORT, several with commas.");
      }
    }
    return targets;
  }

  /** True if the traffic to a target does not leave this machine. */
  static boolean isLoopback(String target) {
    if (target.startsWith("unix:")) return true;
    var parts = HOST_PORT.matcher(target.replaceFirst("^ipv[46]:", ""));
    if (!parts.matches() || target.startsWith("dns://") && !target.startsWith("dns:///")) return false;
    return LOOPBACK.matcher(parts.group(1) == null ? parts.group(2) : parts.group(1)).matches();
  }

  private static boolean isTarget(String target) {
    if (target.isEmpty() || target.length() > 1024 || CONTROL.matcher(target).find()) return false;
    if (OTHER.matcher(target).matches()) return true;
    var parts = HOST_PORT.matcher(target);
    if (!parts.matches()) return false;
    var port = parts.group(3) == null ? 443 : Integer.parseInt(parts.group(3));
    return port >= 1 && port <= 65_535;
  }
}

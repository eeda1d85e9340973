package checker;

import example.Client;
import example.Credentials;
import interop.v1.Echo.EchoRequest;
import interop.v1.Echo.EchoResponse;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;

/** Sends random requests to {@code echo} and compares what comes back. */
final class Echo {
  private static final int AT_A_TIME = 32;

  private Echo() {}

  /** Prints how many requests were accepted, and how many of those came back equal. */
  static boolean check(Path credentials, int count, long seed) throws IOException {
    var random = new RandomRequests(seed);
    var accepted = 0;
    var equal = 0;
    try (var client = new Client(Credentials.read(credentials))) {
      for (var sent = 0; sent < count; sent += AT_A_TIME) {
        var requests = random.take(Math.min(AT_A_TIME, count - sent));
        var answers = new ArrayList<CompletableFuture<EchoResponse>>();
        for (var request : requests) answers.add(client.call("echo", request, EchoResponse.getDefaultInstance()));
        for (var i = 0; i < requests.size(); i += 1) {
          var answer = answers.get(i).exceptionally(Echo::report).join();
          if (answer == null) continue;
          accepted += 1;
          if (isEqual(requests.get(i), answer)) equal += 1;
        }
      }
    }
    System.out.println(accepted + " accepted, " + equal + " equal");
    return equal == count;
  }

  /** Bytes tell -0 from 0 and find NaN equal to itself. */
  private static boolean isEqual(EchoRequest request, EchoResponse answer) {
    var isEqual = request.toByteString().equals(answer.toByteString());
    if (!isEqual) System.err.println("sent " + request + ", got " + answer);
    return isEqual;
  }

  private static EchoResponse report(Throwable failure) {
    System.err.println(failure.getMessage());
    return null;
  }
}

package agent;

import dev.sealwire.Credentials;
import dev.sealwire.Sealwire;
import dev.sealwire.SealwireChannel;
import dev.sealwire.SealwireClient;
import io.grpc.Channel;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The open channels by their names. */
final class Channels {
  private final Map<String, Channel> open = new ConcurrentHashMap<>();

  void open(Command command) throws IOException {
    open.put(command.text("channel"), command.has("plain") ? plain(command) : signed(command));
  }

  void close(Command command) {
    close(open.remove(command.text("channel")));
  }

  void closeAll() {
    open.values().forEach(Channels::close);
  }

  Channel get(Command command) {
    var channel = open.get(command.text("channel"));
    if (channel == null) throw new IllegalArgumentException("no channel " + command.text("channel"));
    return channel;
  }

  SealwireClient client(Command command) {
    return new SealwireClient((SealwireChannel) get(command));
  }

  private static void close(Channel channel) {
    if (channel instanceof SealwireChannel signed) signed.close();
    else if (channel instanceof ManagedChannel plain) plain.shutdownNow();
  }

  private static ManagedChannel plain(Command command) {
    return Grpc.newChannelBuilder(command.text("plain"), InsecureChannelCredentials.create()).build();
  }

  private static SealwireChannel signed(Command command) throws IOException {
    var builder = Sealwire.builder();
    if (command.has("environment")) builder.environment();
    else if (command.has("inline")) builder.credentials(Credentials.parse(command.object("inline").toString()));
    else builder.credentials(command.path("credentials"));
    if (command.has("ca")) {
      var tls = TlsChannelCredentials.newBuilder().trustManager(command.path("ca").toFile());
      if (command.has("cert")) tls.keyManager(command.path("cert").toFile(), command.path("key").toFile());
      builder.tls(tls.build());
    }
    if (command.has("timeoutMs")) builder.timeout(Duration.ofMillis(command.number("timeoutMs", 0)));
    if (command.has("pins")) builder.pins(command.texts("pins"));
    return builder.build();
  }
}

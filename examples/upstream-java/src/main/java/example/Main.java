package example;

import static java.nio.charset.StandardCharsets.UTF_8;

import archive.v1.ArchiveToolServiceGrpc;
import com.google.gson.Gson;
import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.nio.NioEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionService;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Serves the archive tools. */
public final class Main {
  private static final long GRACE_S = 1;

  private Main() {}

  public static void main(String[] args) throws InterruptedException {
    System.setOut(new PrintStream(System.out, true, UTF_8));
    try {
      serve(Options.of(args)).awaitTermination();
    } catch (IOException | IllegalArgumentException e) {
      System.err.println(e.getMessage());
      System.exit(2);
    }
  }

  private static Server serve(Options options) throws IOException {
    var stopping = new Stopping();
    var verifier = options.jwks() == null ? null : new Verifier(options.jwks(), options.audience());
    var tools = new Tools(new Notes(options.notes()), options.pauseAfterEffect(), stopping);
    var service = ServerInterceptors.useInputStreamMessages(tools.bindService());
    var health = new HealthStatusManager();
    health.setStatus(ArchiveToolServiceGrpc.SERVICE_NAME, ServingStatus.SERVING);
    var server =
        builder(options)
            .addService(ServerInterceptors.intercept(service, new Calls(verifier, stopping)))
            .addService(health.getHealthService())
            .addService(ProtoReflectionServiceV1.newInstance())
            .addService(ProtoReflectionService.newInstance())
            .build()
            .start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server, health, stopping)));
    var listening = options.socket() == null ? "127.0.0.1:" + server.getPort() : "unix:" + options.socket();
    System.out.println(new Gson().toJson(Map.of("listening", listening)));
    return server;
  }

  private static NettyServerBuilder builder(Options options) throws IOException {
    if (options.socket() == null)
      return NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", options.port()));
    // A socket that a killed server left would be in the way.
    Files.deleteIfExists(options.socket());
    return NettyServerBuilder.forAddress(UnixDomainSocketAddress.of(options.socket()))
        .channelType(NioServerDomainSocketChannel.class)
        .bossEventLoopGroup(new NioEventLoopGroup(1))
        .workerEventLoopGroup(new NioEventLoopGroup());
  }

  /** Runs on SIGTERM. */
  private static void stop(Server server, HealthStatusManager health, Stopping stopping) {
    health.enterTerminalState();
    stopping.begin();
    server.shutdown();
    try {
      // A watch of the health has no end of its own.
      if (!server.awaitTermination(GRACE_S, TimeUnit.SECONDS)) server.shutdownNow().awaitTermination();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    // Java would exit with 143.
    Runtime.getRuntime().halt(0);
  }
}

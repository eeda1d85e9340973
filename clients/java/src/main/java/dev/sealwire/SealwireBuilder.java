package dev.sealwire;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The options of a channel. {@link Sealwire#builder()} makes it. */
public final class SealwireBuilder {
  private static final int MESSAGE_MOST = 4 * 1024 * 1024;
  private static final long KEEPALIVE_MS = 10_000;
  private static final long KEEPALIVE_TIMEOUT_MS = 8_000;

  private CredentialsSource credentials;
  private String address;
  private ChannelCredentials tls;
  private String serverName;
  private boolean allowsRemotePlaintext;
  private ChannelOptions options = ChannelOptions.DEFAULT;

  SealwireBuilder() {}

  /**
   * Takes the credentials from a file, which is read again when it changes.
   *
   * @param path the file, which only its owner may be able to read
   * @return this builder
   * @throws CredentialsException if the file cannot be used
   */
  public SealwireBuilder credentials(Path path) {
    return credentials(CredentialsSource.file(path));
  }

  /**
   * Takes credentials that do not change.
   *
   * @param fixed the credentials
   * @return this builder
   */
  public SealwireBuilder credentials(Credentials fixed) {
    return credentials(CredentialsSource.fixed(fixed));
  }

  /**
   * Takes credentials from a source of the program's own.
   *
   * @param source the source
   * @return this builder
   */
  public SealwireBuilder credentials(CredentialsSource source) {
    credentials = source;
    return this;
  }

  /**
   * Takes the credentials that the environment names: see {@link CredentialsSource#environment()}. The variable
   * {@code SEALWIRE_ADDRESS}, if it is set, replaces the address in a file.
   *
   * @return this builder
   * @throws CredentialsException if they cannot be used
   */
  public SealwireBuilder environment() {
    var named = System.getenv().getOrDefault("SEALWIRE_ADDRESS", "");
    if (!named.isEmpty()) address = named;
    return credentials(CredentialsSource.environment());
  }

  /**
   * Sets the server's address. Default: the one in the credentials.
   *
   * @param targets {@code HOST:PORT}, {@code unix:/path} or {@code dns:///HOST:PORT}; replicas of one server, separated by
   *     commas, which take turns
   * @return this builder
   */
  public SealwireBuilder address(String targets) {
    address = targets;
    return this;
  }

  /**
   * Uses TLS with the authorities that the platform trusts. Default: plain text.
   *
   * @return this builder
   */
  public SealwireBuilder tls() {
    return tls(TlsChannelCredentials.create());
  }

  /**
   * Uses TLS with given authorities.
   *
   * @param authorities a file with their certificates in PEM format
   * @return this builder
   * @throws IOException if the file cannot be read
   */
  public SealwireBuilder tls(Path authorities) throws IOException {
    return tls(TlsChannelCredentials.newBuilder().trustManager(authorities.toFile()).build());
  }

  /**
   * Uses TLS as gRPC for Java describes it; with a key manager for servers that require a certificate of the client.
   *
   * @param channelCredentials such as a {@link TlsChannelCredentials.Builder} makes
   * @return this builder
   */
  public SealwireBuilder tls(ChannelCredentials channelCredentials) {
    tls = channelCredentials;
    return this;
  }

  /**
   * Sets the name that the server's certificate must have. Default: the host of the address.
   *
   * @param name a host name
   * @return this builder
   */
  public SealwireBuilder serverName(String name) {
    serverName = name;
    return this;
  }

  /**
   * Allows plain text to other machines. Anyone on the way can then read arguments and results. Default: loopback and unix
   * sockets only.
   *
   * @return this builder
   */
  public SealwireBuilder dangerouslyAllowRemotePlaintext() {
    allowsRemotePlaintext = true;
    return this;
  }

  /**
   * Sets the time for a call with all its attempts, or until a job is accepted. The deadline of a call may be shorter.
   *
   * @param timeout 1 ms to 24 h; default 60 s
   * @return this builder
   */
  public SealwireBuilder timeout(Duration timeout) {
    var ms = millis("timeout", timeout, 1, 86_400_000);
    options = options.withTimeoutMs(ms);
    return this;
  }

  /**
   * Sets how often a call is tried. Attempts that reached no server, and those refused with a delay, do not count.
   *
   * @param attempts 1 to 100; default 5; 1 switches retries off
   * @return this builder
   */
  public SealwireBuilder maxAttempts(int attempts) {
    if (attempts < 1 || attempts > 100) throw new IllegalArgumentException("maxAttempts must be 1 to 100.");
    options = options.withMaxAttempts(attempts);
    return this;
  }

  /**
   * Sets how often a watch asks for a sign of life. After 2.5 intervals of silence it opens another stream.
   *
   * @param interval 100 ms to 60 s; default 15 s
   * @return this builder
   */
  public SealwireBuilder heartbeatInterval(Duration interval) {
    var ms = millis("heartbeatInterval", interval, 100, 60_000);
    options = options.withHeartbeatIntervalMs((int) ms);
    return this;
  }

  /**
   * Sets how long a watch is resumed without a verified message.
   *
   * @param time 0 to 24 h; default 5 min
   * @return this builder
   */
  public SealwireBuilder resumeFor(Duration time) {
    var ms = millis("resumeFor", time, 0, 86_400_000);
    options = options.withResumeForMs(ms);
    return this;
  }

  /**
   * Checks each request by the rules of its message before it is sent. A request that breaks one fails with
   * INVALID_ARGUMENT and the violations, as at the server. The program needs the dependency
   * {@code build.buf:protovalidate} for this.
   *
   * @return this builder
   * @throws IllegalStateException if protovalidate is not there
   */
  public SealwireBuilder validateRequests() {
    options = options.withCheck(RequestCheck.create());
    return this;
  }

  /**
   * Accepts one definition only of each of these tools. A call of a tool that has another one fails with
   * FAILED_PRECONDITION (TOOL_CHANGED) and is not sent, and the server refuses a call if the definition has changed since.
   * Other tools and system tools are not checked. Default: every definition is accepted.
   *
   * @param digests what {@link ToolDefinition#digest} returns, by the names of the tools
   * @return this builder
   * @throws IllegalArgumentException if one of them is no digest
   */
  public SealwireBuilder pins(Map<String, String> digests) {
    options = options.withPins(Pins.check(digests));
    return this;
  }

  /**
   * Makes the channel, which connects with the first call.
   *
   * @return the channel
   * @throws IllegalStateException if there are no credentials
   * @throws IllegalArgumentException if an address is not right, or is on another machine without TLS
   */
  public SealwireChannel build() {
    var connection = connection();
    var targets = Addresses.parse(address == null ? credentials.current().address() : address);
    for (var target : targets) {
      if (tls != null || allowsRemotePlaintext || Addresses.isLoopback(target)) continue;
      throw new IllegalArgumentException("Without TLS a channel takes loopback addresses and unix sockets only, not "
          + target + "; call tls(), or dangerouslyAllowRemotePlaintext(), which lets anyone on the way read the calls.");
    }
    return new SealwireChannel(connection, targets.stream().map(this::connect).toList());
  }

  /**
   * Makes an explicit client with a channel of its own.
   *
   * @return the client
   * @throws IllegalStateException if there are no credentials
   * @throws IllegalArgumentException if an address is not right, or is on another machine without TLS
   */
  public SealwireClient buildClient() {
    return new SealwireClient(build());
  }

  /**
   * Makes an interceptor for a channel that the program builds itself. Address and TLS are not used.
   *
   * @return the interceptor
   * @throws IllegalStateException if there are no credentials
   */
  public SealwireInterceptor buildInterceptor() {
    return new SealwireInterceptor(connection());
  }

  private Connection connection() {
    if (credentials == null) throw new IllegalStateException("Give credentials, or call environment().");
    return new Connection(credentials, options);
  }

  /** Retries of gRPC stay off: they would send the same nonce again. */
  private ManagedChannel connect(String target) {
    var channel = Grpc.newChannelBuilder(target, tls == null ? InsecureChannelCredentials.create() : tls)
        .disableRetry()
        .maxInboundMessageSize(MESSAGE_MOST)
        .keepAliveTime(KEEPALIVE_MS, TimeUnit.MILLISECONDS)
        .keepAliveTimeout(KEEPALIVE_TIMEOUT_MS, TimeUnit.MILLISECONDS);
    if (target.startsWith("dns:")) channel.defaultLoadBalancingPolicy("round_robin");
    // Without a name of its own a socket is called by its path, which servers on Node.js refuse.
    var authority = serverName == null && target.startsWith("unix:") ? "localhost" : serverName;
    if (authority != null) channel.overrideAuthority(authority);
    return channel.build();
  }

  private static long millis(String name, Duration value, long least, long most) {
    var ms = value.toMillis();
    if (ms >= least && ms <= most) return ms;
    throw new IllegalArgumentException(name + " is " + ms + " ms; it must be " + least + " to " + most + " ms.");
  }
}

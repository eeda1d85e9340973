package dev.sealwire;

import io.grpc.CallOptions;
import java.nio.file.Path;

/** Makes channels and clients. */
public final class Sealwire {
  /**
   * Accepts one definition only of the tool that a stub calls, in place of {@link SealwireBuilder#pins}: {@code
   * stub.withOption(Sealwire.DEFINITION_DIGEST, digest)}, with what {@link ToolDefinition#digest} returns.
   */
  public static final CallOptions.Key<String> DEFINITION_DIGEST = CallOptions.Key.create("sealwire-definition-digest");

  private Sealwire() {}

  /**
   * Opens a channel with the credentials in a file, in plain text, which takes a server on this machine.
   *
   * @param credentials the credentials file, such as {@code .sealwire/client.json}; it is read again when it changes
   * @return the channel, which connects with the first call
   * @throws CredentialsException if the credentials cannot be used
   */
  public static SealwireChannel channel(Path credentials) {
    return builder().credentials(credentials).build();
  }

  /**
   * Opens an explicit client with the credentials in a file, in plain text, which takes a server on this machine.
   *
   * @param credentials the credentials file; it is read again when it changes
   * @return the client
   * @throws CredentialsException if the credentials cannot be used
   */
  public static SealwireClient client(Path credentials) {
    return new SealwireClient(channel(credentials));
  }

  /**
   * Begins a channel with options.
   *
   * @return a builder, which needs credentials
   */
  public static SealwireBuilder builder() {
    return new SealwireBuilder();
  }
}

package dev.sealwire;

import java.nio.file.Path;
import java.util.Map;

/**
 * The ids, the address and the two keys with which a client calls a server: the content of a credentials file
 * (docs/protocol.md, Keys). The text form has no keys.
 */
public final class Credentials {
  private final String address;
  private final String serverId;
  private final String serverFingerprint;
  private final String clientId;
  private final String keyId;
  private final HmacKey requestKey;
  private final HmacKey responseKey;

  Credentials(CredentialsFields fields) {
    address = fields.address();
    serverId = fields.identifier("server_id");
    serverFingerprint = fields.fingerprint("server_fingerprint");
    clientId = fields.identifier("client_id");
    keyId = fields.identifier("key_id");
    requestKey = fields.key("request_key", HmacKey::parseRequestKey);
    responseKey = fields.key("response_key", HmacKey::parseResponseKey);
  }

  /**
   * Reads a credentials file once. {@link CredentialsSource#file} follows a file that is replaced.
   *
   * @param path the file, which only its owner may be able to read
   * @return the credentials
   * @throws CredentialsException if others can read the file, or if it is not right
   */
  public static Credentials read(Path path) {
    return PrivateFile.read(path).credentials();
  }

  /**
   * Parses the content of a credentials file.
   *
   * @param json the JSON text
   * @return the credentials
   * @throws CredentialsException if it is not right; the message names the field
   */
  public static Credentials parse(String json) {
    return new Credentials(CredentialsFields.ofJson(json, "The credentials"));
  }

  /**
   * Reads credentials from environment variables: {@code SEALWIRE_SERVER_ID}, {@code SEALWIRE_CLIENT_ID},
   * {@code SEALWIRE_KEY_ID}, {@code SEALWIRE_REQUEST_KEY}, {@code SEALWIRE_RESPONSE_KEY}, {@code SEALWIRE_SERVER_FINGERPRINT}
   * and {@code SEALWIRE_ADDRESS}, each like the field of the file.
   *
   * @param environment the variables, such as {@link System#getenv()}
   * @return the credentials
   * @throws CredentialsException if one is missing or not right; the message names it
   */
  public static Credentials fromEnvironment(Map<String, String> environment) {
    return new Credentials(CredentialsFields.ofEnvironment(environment));
  }

  /**
   * Returns the server's address.
   *
   * @return gRPC targets; several replicas are separated by commas
   */
  public String address() {
    return address;
  }

  /**
   * Returns the server's id.
   *
   * @return 1 to 128 printable ASCII characters
   */
  public String serverId() {
    return serverId;
  }

  /**
   * Returns the fingerprint of the server's secret, as the tool {@code server_identity} answers it.
   *
   * @return 32 hex digits
   */
  public String serverFingerprint() {
    return serverFingerprint;
  }

  /**
   * Returns the caller's id.
   *
   * @return 1 to 128 printable ASCII characters
   */
  public String clientId() {
    return clientId;
  }

  /**
   * Returns the name of the two keys.
   *
   * @return 1 to 128 printable ASCII characters
   */
  public String keyId() {
    return keyId;
  }

  /**
   * Returns the key that signs requests.
   *
   * @return the request key
   */
  public HmacKey requestKey() {
    return requestKey;
  }

  /**
   * Returns the key that verifies answers.
   *
   * @return the response key
   */
  public HmacKey responseKey() {
    return responseKey;
  }

  /** True if both are the same keys of the same client and server. The address may differ. */
  boolean isSameAs(Credentials other) {
    return isOfSameClient(other)
        && keyId.equals(other.keyId)
        && serverFingerprint.equals(other.serverFingerprint)
        && requestKey.isSameAs(other.requestKey)
        && responseKey.isSameAs(other.responseKey);
  }

  boolean isOfSameClient(Credentials other) {
    return clientId.equals(other.clientId) && serverId.equals(other.serverId);
  }

  @Override
  public String toString() {
    return "Credentials(client " + clientId + ", key " + keyId + ", server " + serverId + " at " + address + ")";
  }
}

package example;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import sealwire.v1.EnvelopeOuterClass.Envelope;
import sealwire.v1.ResponseOuterClass.Response;

/**
 * Signs requests and verifies answers of the Sealwire protocol mcp/0.1, as docs/protocol.md tells. This is the file to
 * copy, and frame.proto with it. Its components are those of the credentials file.
 */
public record Sealwire(
    String address,
    String serverId,
    String serverFingerprint,
    String clientId,
    String keyId,
    byte[] requestKey,
    byte[] responseKey) {

  public static final String VERSION = "mcp/0.1";
  private static final SecureRandom RANDOM = new SecureRandom();

  /** An answer of which nothing may be believed. */
  public static final class UnverifiedException extends RuntimeException {
    public UnverifiedException(String why) {
      super("the answer cannot be trusted: " + why);
    }
  }

  /** Reads a credentials file, and refuses one that others than its owner can get at. */
  public static Sealwire read(Path path) throws IOException {
    if (!PosixFilePermissions.toString(Files.getPosixFilePermissions(path)).endsWith("------"))
      throw new IOException("others can get at the keys: chmod 600 " + path);
    var fields = JsonParser.parseString(Files.readString(path)).getAsJsonObject();
    return new Sealwire(
        text(fields, "address"),
        text(fields, "server_id"),
        text(fields, "server_fingerprint"),
        text(fields, "client_id"),
        text(fields, "key_id"),
        readKey("sws_", text(fields, "request_key")),
        readKey("swr_", text(fields, "response_key")));
  }

  /** Makes and signs one attempt at an intent; a retry keeps {@code requestId} and calls this again. */
  public Frame seal(String method, String tool, Message args, String requestId) {
    var nonce = new byte[16];
    RANDOM.nextBytes(nonce);
    var envelope = Envelope.newBuilder().setV(VERSION).setRequestId(requestId).setTsMs(System.currentTimeMillis());
    envelope.setClientId(clientId).setServerId(serverId).setTool(tool).setArgs(Any.pack(args));
    return sign(method, envelope.setNonce(ByteString.copyFrom(nonce)).build().toByteString());
  }

  /** Signs the bytes of an Envelope for a gRPC method. */
  public Frame sign(String method, ByteString content) {
    var signature = mac(requestKey, utf8("request"), utf8(method), utf8(keyId), content);
    return Frame.newBuilder().setContent(content).setKeyId(keyId).setSignature(signature).build();
  }

  /** Gives what the server answered to the request of this id and signature; sequence is 0, or 1, 2, 3 on a stream. */
  public Response verify(Frame answer, ByteString requestSignature, String requestId, long sequence) {
    check(answer.getKeyId().equals(keyId), "it names another key");
    var expected = mac(responseKey, utf8("response"), requestSignature, answer.getContent());
    var isSigned = MessageDigest.isEqual(expected.toByteArray(), answer.getSignature().toByteArray());
    check(isSigned, "it is not signed for this request");
    Response response;
    try {
      response = Response.parseFrom(answer.getContent());
    } catch (InvalidProtocolBufferException e) {
      throw new UnverifiedException("it is no Response");
    }
    check(response.getV().equals(VERSION), "it is of another version");
    check(response.getServerId().equals(serverId), "it names another server");
    var isUnread = switch (response.getError().getReason()) {
      case ERROR_REASON_ENVELOPE_INVALID, ERROR_REASON_UNSUPPORTED_VERSION -> response.getRequestId().isEmpty();
      default -> false;
    };
    check(isUnread || response.getRequestId().equals(requestId), "it names another request");
    var ok = switch (response.getStatus()) {
      case STATUS_OK, STATUS_ACCEPTED, STATUS_RUNNING, STATUS_DONE -> true;
      case STATUS_ERROR, STATUS_CANCELLED -> false;
      default -> throw new UnverifiedException("it has no status");
    };
    check(response.getOk() == ok, "it contradicts itself");
    check(response.getSequence() == sequence, "it is out of sequence");
    return response;
  }

  /** Reads a key from its text: a prefix, then base64url without padding. */
  public static byte[] readKey(String prefix, String text) throws IOException {
    try {
      var key = Base64.getUrlDecoder().decode(text.startsWith(prefix) ? text.substring(prefix.length()) : "");
      if (key.length >= 32 && key.length <= 1024) return key;
    } catch (IllegalArgumentException e) {
      // Its message tells of the key; ours does not.
    }
    throw new IOException("the key that starts with " + prefix + " is damaged: copy it whole");
  }

  /** Computes the HMAC of PAE(parts). */
  public static ByteString mac(byte[] key, ByteString... parts) {
    try {
      var mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      return ByteString.copyFrom(mac.doFinal(pae(parts).toByteArray()));
    } catch (GeneralSecurityException e) {
      throw new AssertionError("every Java platform has HmacSHA256", e);
    }
  }

  /** Joins parts so that no other parts give the same bytes. */
  public static ByteString pae(ByteString... parts) {
    var joined = utf8(VERSION + " " + parts.length);
    for (var part : parts) joined = joined.concat(utf8(" " + part.size() + " ")).concat(part);
    return joined;
  }

  private static ByteString utf8(String text) {
    return ByteString.copyFrom(text, UTF_8);
  }

  private static String text(JsonObject fields, String name) throws IOException {
    if (fields.get(name) instanceof JsonPrimitive value && value.isString()) return value.getAsString();
    throw new IOException("the credentials lack " + name);
  }

  private static void check(boolean holds, String otherwise) {
    if (!holds) throw new UnverifiedException(otherwise);
  }
}

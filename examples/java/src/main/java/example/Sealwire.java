package example;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import sealwire.v1.EnvelopeOuterClass.Envelope;
import sealwire.v1.ResponseOuterClass.Response;

/**
 * Signs requests and verifies answers of the Sealwire protocol mcp/0.1 (docs/protocol.md). Copy this file,
 * Credentials.java and frame.proto.
 */
public final class Sealwire {
  public static final String VERSION = "mcp/0.1";
  private static final SecureRandom RANDOM = new SecureRandom();

  /** The answer could not be verified. Its content must not be used. */
  public static final class UnverifiedException extends RuntimeException {
    public UnverifiedException(String why) {
      super("the answer cannot be trusted: " + why);
    }
  }

  private Sealwire() {}

  /** Makes and signs one attempt at a call. Each retry calls this again with the same {@code requestId}. */
  public static Frame seal(Credentials who, String method, String tool, Message args, String requestId) {
    var nonce = new byte[16];
    RANDOM.nextBytes(nonce);
    var envelope = Envelope.newBuilder().setV(VERSION).setRequestId(requestId).setTsMs(System.currentTimeMillis());
    envelope.setClientId(who.clientId()).setServerId(who.serverId()).setTool(tool).setArgs(Any.pack(args));
    return sign(who, method, envelope.setNonce(ByteString.copyFrom(nonce)).build().toByteString());
  }

  /** Signs the bytes of an Envelope for a gRPC method. */
  public static Frame sign(Credentials who, String method, ByteString content) {
    var signature = mac(who.requestKey(), utf8("request"), utf8(method), utf8(who.keyId()), content);
    return Frame.newBuilder().setContent(content).setKeyId(who.keyId()).setSignature(signature).build();
  }

  /** Verifies and parses the answer to a request. {@code sequence}: 0 for a unary call; 1, 2, 3, … in a stream. */
  public static Response verify(
      Credentials who, Frame answer, ByteString requestSignature, String requestId, long sequence) {
    check(answer.getKeyId().equals(who.keyId()), "it names another key");
    var expected = mac(who.responseKey(), utf8("response"), requestSignature, answer.getContent());
    var isSigned = MessageDigest.isEqual(expected.toByteArray(), answer.getSignature().toByteArray());
    check(isSigned, "it is not signed for this request");
    Response response;
    try {
      response = Response.parseFrom(answer.getContent());
    } catch (InvalidProtocolBufferException e) {
      throw new UnverifiedException("it is no Response");
    }
    check(response.getV().equals(VERSION), "it is of another version");
    check(response.getServerId().equals(who.serverId()), "it names another server");
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

  /** Encodes a list of parts unambiguously: different lists have different encodings. */
  public static ByteString pae(ByteString... parts) {
    var joined = utf8(VERSION + " " + parts.length);
    for (var part : parts) joined = joined.concat(utf8(" " + part.size() + " ")).concat(part);
    return joined;
  }

  private static ByteString utf8(String text) {
    return ByteString.copyFrom(text, UTF_8);
  }

  private static void check(boolean holds, String otherwise) {
    if (!holds) throw new UnverifiedException(otherwise);
  }
}

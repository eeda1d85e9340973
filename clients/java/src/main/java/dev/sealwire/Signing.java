package dev.sealwire;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.sealwire.v1.ErrorReason;
import dev.sealwire.v1.Response;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;

/** Signs requests and verifies answers of the protocol mcp/0.1 (docs/protocol.md). */
public final class Signing {
  /** The version of the protocol, field {@code v} of Envelope and Response. */
  public static final String VERSION = "mcp/0.1";

  /** The gRPC path of a call, as it is signed. */
  public static final String CALL_METHOD = "/sealwire.v1.ToolService/Call";

  /** The gRPC path of a watch, as it is signed. */
  public static final String WATCH_JOB_METHOD = "/sealwire.v1.ToolService/WatchJob";

  private static final ByteString REQUEST = ByteString.copyFromUtf8("request");
  private static final ByteString RESPONSE = ByteString.copyFromUtf8("response");

  private Signing() {}

  /**
   * Signs a request: HMAC-SHA256(request key, PAE("request", method, key id, Envelope)).
   *
   * @param requestKey the request key of the client
   * @param keyId names the key
   * @param method {@link #CALL_METHOD} or {@link #WATCH_JOB_METHOD}
   * @param envelope the serialized Envelope, which is sent as it is
   * @return the frame to send; its signature verifies the answers
   */
  public static Frame signRequest(HmacKey requestKey, String keyId, String method, ByteString envelope) {
    var input = pae(REQUEST, ByteString.copyFromUtf8(method), ByteString.copyFromUtf8(keyId), envelope);
    return new Frame(envelope, keyId, ByteString.copyFrom(requestKey.sign(input)));
  }

  /**
   * Verifies an answer, and parses it only then: HMAC-SHA256(response key, PAE("response", the signature of the request,
   * Response)). The type of its result is left to the caller.
   *
   * @param answer the frame that came
   * @param expected what it must be
   * @return the verified Response, which may tell of an error
   * @throws UnverifiedException if the answer is not signed for this request, or is for something else; nothing of it may
   *     be used
   */
  public static Response verifyResponse(Frame answer, ExpectedAnswer expected) {
    check(answer.keyId().equals(expected.keyId()), "it names another key");
    var input = pae(RESPONSE, expected.requestSignature(), answer.content());
    var isSigned = MessageDigest.isEqual(expected.responseKey().sign(input), answer.signature().toByteArray());
    check(isSigned, "it is not signed for this request");
    Response response;
    try {
      response = Response.parseFrom(answer.content());
    } catch (InvalidProtocolBufferException e) {
      throw new UnverifiedException("The answer cannot be trusted: it is no Response.");
    }
    check(response.getV().equals(VERSION), "it is of another version");
    check(response.getServerId().equals(expected.serverId()), "it names another server");
    check(isFor(response, expected.requestId()), "it names another request");
    check(isConsistent(response), "its status and its flag ok contradict each other");
    check(response.getSequence() == expected.sequence(), "it is out of sequence");
    return response;
  }

  /**
   * Encodes a list of parts so that different lists have different encodings: the version, the number of parts, and for
   * each its length and itself, separated by spaces.
   *
   * @param parts the parts
   * @return the encoding
   */
  public static byte[] pae(ByteString... parts) {
    var heads = new byte[parts.length + 1][];
    heads[0] = (VERSION + " " + parts.length).getBytes(StandardCharsets.US_ASCII);
    var size = heads[0].length;
    for (var i = 0; i < parts.length; i += 1) {
      heads[i + 1] = (" " + parts[i].size() + " ").getBytes(StandardCharsets.US_ASCII);
      size += heads[i + 1].length + parts[i].size();
    }
    var encoded = new byte[size];
    System.arraycopy(heads[0], 0, encoded, 0, heads[0].length);
    var at = heads[0].length;
    for (var i = 0; i < parts.length; i += 1) {
      System.arraycopy(heads[i + 1], 0, encoded, at, heads[i + 1].length);
      at += heads[i + 1].length;
      parts[i].copyTo(encoded, at);
      at += parts[i].size();
    }
    return encoded;
  }

  /** The request id is empty where the server could not read the Envelope. */
  private static boolean isFor(Response response, String requestId) {
    if (response.getRequestId().equals(requestId)) return true;
    if (!response.getRequestId().isEmpty()) return false;
    var reason = response.getError().getReason();
    return reason == ErrorReason.ERROR_REASON_ENVELOPE_INVALID
        || reason == ErrorReason.ERROR_REASON_UNSUPPORTED_VERSION;
  }

  private static boolean isConsistent(Response response) {
    return switch (response.getStatus()) {
      case STATUS_OK, STATUS_ACCEPTED, STATUS_RUNNING, STATUS_DONE -> response.getOk();
      case STATUS_ERROR, STATUS_CANCELLED -> !response.getOk();
      default -> false;
    };
  }

  private static void check(boolean holds, String otherwise) {
    if (!holds) throw new UnverifiedException("The answer cannot be trusted: " + otherwise + ".");
  }
}

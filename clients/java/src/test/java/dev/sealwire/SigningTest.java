package dev.sealwire;

import static dev.sealwire.Vectors.bytes;
import static dev.sealwire.Vectors.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SigningTest {
  private static final byte[] PROBE = {1, 2, 3};

  @Test
  void requestsAreSignedAsTheVectorsSay() {
    assertEquals(List.of(), SignatureVectors.requests(VectorSubject.OURS));
    assertEquals(List.of(), SignatureVectors.sequences(VectorSubject.OURS));
  }

  @Test
  void answersAreVerifiedAsTheVectorsSay() {
    assertEquals(List.of(), SignatureVectors.responses(VectorSubject.OURS));
  }

  @Test
  void keysAndContentsOfAnySizeAreSigned() throws InvalidProtocolBufferException {
    assertEquals(List.of(), SignatureVectors.sizes(VectorSubject.OURS));
  }

  @Test
  void theVectorsCatchAWrongSigner() throws InvalidProtocolBufferException {
    var wrong = VectorSubject.withWrongSigner();
    assertFalse(SignatureVectors.requests(wrong).isEmpty());
    assertFalse(SignatureVectors.sequences(wrong).isEmpty());
    assertFalse(SignatureVectors.sizes(wrong).isEmpty());
  }

  @Test
  void theVectorsCatchAWrongVerifier() {
    assertFalse(SignatureVectors.responses(VectorSubject.withWrongVerifier()).isEmpty());
  }

  @Test
  void partsAreEncodedAsTheVectorsSay() {
    var vectors = new Vectors("keys.json");
    for (var each : vectors.cases("pae")) {
      var parts = each.getAsJsonArray("parts").asList().stream().map(Vectors::bytes).toArray(ByteString[]::new);
      vectors.expect(each, "bytes", ByteString.copyFrom(Signing.pae(parts)).equals(bytes(each.get("bytes"))));
    }
    assertEquals(List.of(), vectors.disagreements);
  }

  @Test
  void keysAreReadAsTheVectorsSay() {
    var vectors = new Vectors("keys.json");
    for (var each : vectors.cases("keyTexts")) {
      var key = each.get("key");
      var read = macOf(text(each, "use"), text(each, "text"));
      var right = key.isJsonNull()
          ? JsonNull.INSTANCE
          : hex(HmacKey.of(bytes(key).toByteArray()).sign(PROBE));
      vectors.expect(each, "key", right.equals(read));
    }
    assertEquals(List.of(), vectors.disagreements);
  }

  @Test
  void keysAreDerivedAsTheVectorsSay() {
    var vectors = new Vectors("keys.json");
    for (var each : vectors.cases("derivations")) {
      var secret = HmacKey.of(bytes(each.get("serverSecret")).toByteArray());
      for (var use : List.of("request", "response")) {
        var input = Signing.pae(utf8(use + "-key"), utf8(text(each, "clientId")), utf8(text(each, "keyId")));
        var key = secret.sign(input);
        vectors.expect(each, use + "Key", ByteString.copyFrom(key).equals(bytes(each.get(use + "Key"))));
        var read = macOf(use, text(each, use + "KeyText"));
        vectors.expect(each, use + "KeyText", hex(HmacKey.of(key).sign(PROBE)).equals(read));
      }
      var fingerprint = ByteString.copyFrom(secret.sign(Signing.pae(utf8("fingerprint")))).substring(0, 16);
      vectors.expect(each, "fingerprint", fingerprint.equals(bytes(each.get("fingerprint"))));
    }
    assertEquals(List.of(), vectors.disagreements);
  }

  @Test
  void aKeySaysNothingOfItself() {
    assertEquals("HmacKey(secret)", HmacKey.of(new byte[32]).toString());
  }

  /** What the key makes of a probe, or null where it is refused: keys do not give their bytes. */
  private static JsonElement macOf(String use, String text) {
    try {
      var key = use.equals("request") ? HmacKey.parseRequestKey(text) : HmacKey.parseResponseKey(text);
      return hex(key.sign(PROBE));
    } catch (IllegalArgumentException e) {
      return JsonNull.INSTANCE;
    }
  }

  private static JsonPrimitive hex(byte[] bytes) {
    return new JsonPrimitive(HexFormat.of().formatHex(bytes));
  }

  private static ByteString utf8(String text) {
    return ByteString.copyFromUtf8(text);
  }
}

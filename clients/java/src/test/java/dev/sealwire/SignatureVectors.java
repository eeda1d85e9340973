package dev.sealwire;

import static dev.sealwire.Vectors.bytes;
import static dev.sealwire.Vectors.cases;
import static dev.sealwire.Vectors.hex;
import static dev.sealwire.Vectors.runs;
import static dev.sealwire.Vectors.text;

import com.google.gson.JsonObject;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.sealwire.v1.Envelope;
import java.util.List;

/** Checks a signer and a verifier against the vectors. Each method returns where they disagree. */
final class SignatureVectors {
  private static final ByteString REQUEST = ByteString.copyFromUtf8("request");
  private static final ByteString RESPONSE = ByteString.copyFromUtf8("response");

  private SignatureVectors() {}

  static List<String> requests(VectorSubject subject) {
    var vectors = new Vectors("requests.json");
    for (var each : vectors.cases("cases")) {
      checkSigner(subject, vectors, each, each, vectors.cases("keys"));
    }
    return vectors.disagreements;
  }

  static List<String> sequences(VectorSubject subject) {
    var vectors = new Vectors("sequences.json");
    for (var each : vectors.cases("cases")) {
      for (var step : cases(each, "steps")) checkSigner(subject, vectors, each, step, cases(step, "keys"));
    }
    return vectors.disagreements;
  }

  private static void checkSigner(
      VectorSubject subject, Vectors vectors, JsonObject vector, JsonObject request, List<JsonObject> keys) {
    var signed = request.getAsJsonObject("signed");
    var name = text(signed, "key");
    var named = keys.stream().filter(one -> text(one, "keyId").equals(name)).findFirst();
    var key = HmacKey.of(named.map(one -> bytes(one.get("requestKey"))).orElseGet(() -> hex(name)).toByteArray());
    var keyId = text(signed, "keyId");
    var method = text(signed, "method");
    var envelope = bytes(signed.get("envelope"));
    var input = bytes(signed.get("signingInput"));
    var signature = bytes(signed.get("signature"));
    var isRight = !text(vector, "flag").equals("SigningInput");
    var ours = Signing.pae(REQUEST, ByteString.copyFromUtf8(method), ByteString.copyFromUtf8(keyId), envelope);
    vectors.expect(vector, "signingInput", ByteString.copyFrom(ours).equals(input) == isRight);
    vectors.expect(vector, "hmac", ByteString.copyFrom(key.sign(input.toByteArray())).equals(signature));
    if (signed.get("fields") instanceof JsonObject fields) {
      vectors.expect(vector, "fields", envelopeOf(fields).equals(envelope));
    }
    var frame = subject.signer().sign(key, keyId, method, envelope);
    vectors.expect(vector, "signature", frame.signature().equals(signature) == isRight);
    if (!text(vector, "flag").equals("Valid")) return;
    var received = bytes(request.getAsJsonObject("received").get("frame"));
    vectors.expect(vector, "frame", isFrame(received, frame));
  }

  /** A frame may have its fields in any order. */
  private static boolean isFrame(ByteString received, Frame frame) {
    try {
      return Frame.parse(received.toByteArray()).equals(frame);
    } catch (InvalidProtocolBufferException e) {
      return false;
    }
  }

  static List<String> responses(VectorSubject subject) {
    var vectors = new Vectors("responses.json");
    var request = vectors.file.getAsJsonObject("request");
    var key = vectors.file.getAsJsonObject("key");
    for (var each : vectors.cases("cases")) {
      var signed = each.getAsJsonObject("signed");
      var input = bytes(signed.get("signingInput"));
      var ours = Signing.pae(RESPONSE, bytes(signed.get("requestSignature")), bytes(signed.get("response")));
      var isRight = !text(each, "flag").equals("SigningInput");
      vectors.expect(each, "signingInput", ByteString.copyFrom(ours).equals(input) == isRight);
      var signature = HmacKey.of(bytes(signed.get("key")).toByteArray()).sign(input.toByteArray());
      vectors.expect(each, "hmac", ByteString.copyFrom(signature).equals(bytes(signed.get("signature"))));
      var expected = new ExpectedAnswer(HmacKey.of(bytes(key.get("responseKey")).toByteArray()), text(key, "keyId"),
          text(request, "serverId"), text(request, "requestId"), bytes(request.get("signature")),
          Long.parseLong(text(each, "sequence")));
      var isValid = isValid(subject, bytes(each.getAsJsonObject("received").get("frame")), expected);
      vectors.expect(each, "verdict", each.has("lenient") || isValid == text(each, "result").equals("valid"));
    }
    return vectors.disagreements;
  }

  private static boolean isValid(VectorSubject subject, ByteString frame, ExpectedAnswer expected) {
    try {
      subject.verifier().verify(Frame.parse(frame.toByteArray()), expected);
      return true;
    } catch (InvalidProtocolBufferException | UnverifiedException e) {
      return false;
    }
  }

  static List<String> sizes(VectorSubject subject) throws InvalidProtocolBufferException {
    var vectors = new Vectors("sizes.json");
    for (var each : vectors.cases("macs")) {
      var mac = HmacKey.of(bytes(each.get("key")).toByteArray()).sign(runs(each.get("input")).toByteArray());
      vectors.expect(each, "mac", ByteString.copyFrom(mac).equals(bytes(each.get("mac"))));
    }
    for (var each : vectors.cases("cases")) checkSize(subject, vectors, each);
    return vectors.disagreements;
  }

  private static void checkSize(VectorSubject subject, Vectors vectors, JsonObject vector)
      throws InvalidProtocolBufferException {
    var key = HmacKey.of(bytes(vector.get("key")).toByteArray());
    var parts = vector.getAsJsonArray("parts").asList().stream().map(Vectors::runs).toArray(ByteString[]::new);
    var content = parts[parts.length - 1];
    var isValid = text(vector, "result").equals("valid");
    var input = Signing.pae(parts);
    vectors.expect(vector, "signingInput", ByteString.copyFrom(input).equals(runs(vector.get("signingInput"))));
    vectors.expect(vector, "hmac", ByteString.copyFrom(key.sign(input)).equals(bytes(vector.get("signature"))));
    if (isValid && text(vector, "flag").equals("Request")) {
      var frame = subject.signer().sign(key, text(vector, "keyId"), parts[1].toStringUtf8(), content);
      vectors.expect(vector, "frame", ByteString.copyFrom(frame.toBytes()).equals(runs(vector.get("frame"))));
    }
    var received = Frame.parse(runs(vector.get("frame")).toByteArray());
    parts[parts.length - 1] = received.content();
    var signature = ByteString.copyFrom(key.sign(Signing.pae(parts)));
    vectors.expect(vector, "verdict", signature.equals(received.signature()) == isValid);
  }

  private static ByteString envelopeOf(JsonObject fields) {
    var envelope = Envelope.newBuilder()
        .setV(text(fields, "v"))
        .setRequestId(text(fields, "requestId"))
        .setTsMs(Long.parseLong(text(fields, "tsMs")))
        .setClientId(text(fields, "clientId"))
        .setServerId(text(fields, "serverId"))
        .setTool(text(fields, "tool"))
        .setNonce(bytes(fields.get("nonce")));
    if (fields.has("definitionDigest")) envelope.setDefinitionDigest(text(fields, "definitionDigest"));
    if (fields.get("args") instanceof JsonObject args) {
      envelope.setArgs(Any.newBuilder().setTypeUrl(text(args, "typeUrl")).setValue(bytes(args.get("value"))));
    }
    return envelope.build().toByteString();
  }
}

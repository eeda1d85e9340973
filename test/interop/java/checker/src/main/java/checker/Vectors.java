package checker;

import static checker.Json.bytes;
import static checker.Json.cases;
import static checker.Json.hex;
import static checker.Json.read;
import static checker.Json.runs;
import static checker.Json.text;
import static checker.Subject.utf8;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.InvalidProtocolBufferException;
import example.Credentials;
import example.Frame;
import example.Sealwire;
import example.Sealwire.UnverifiedException;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import sealwire.v1.EnvelopeOuterClass.Envelope;

/** Compares signer and verifier with the vectors. */
final class Vectors {
  private final Subject subject;
  private int agreed;
  private int failed;
  private final List<String> wrong = new ArrayList<>();

  Vectors(Subject subject) {
    this.subject = subject;
  }

  /** Prints how many cases agree, or each check that fails. */
  boolean check(Path folder) throws IOException {
    checkKeys(read(folder, "keys.json"));
    checkRequests(read(folder, "requests.json"));
    checkSequences(read(folder, "sequences.json"));
    checkResponses(read(folder, "responses.json"));
    checkSizes(read(folder, "sizes.json"));
    checkCanonical(read(folder, "canonical.json"));
    if (failed == 0) System.out.println(agreed + " vectors agree");
    return failed == 0;
  }

  private void checkKeys(JsonObject file) throws IOException {
    var number = 0;
    for (var each : cases(file, "pae")) {
      var parts = each.getAsJsonArray("parts").asList().stream().map(Json::bytes).toArray(ByteString[]::new);
      expect("bytes", Sealwire.pae(parts).equals(bytes(each.get("bytes"))));
      end("keys pae " + ++number);
    }
    number = 0;
    for (var each : cases(file, "keyTexts")) {
      var prefix = text(each, "use").equals("request") ? "sws_" : "swr_";
      expect("key", readKey(prefix, text(each, "text")).equals(each.get("key")));
      end("keys text " + ++number);
    }
    number = 0;
    for (var each : cases(file, "derivations")) {
      var secret = bytes(each.get("serverSecret")).toByteArray();
      var clientId = utf8(text(each, "clientId"));
      var keyId = utf8(text(each, "keyId"));
      var requestKey = bytes(each.get("requestKey"));
      var responseKey = bytes(each.get("responseKey"));
      var fingerprint = Sealwire.mac(secret, utf8("fingerprint")).substring(0, 16);
      expect("fingerprint", fingerprint.equals(bytes(each.get("fingerprint"))));
      expect("requestKey", Sealwire.mac(secret, utf8("request-key"), clientId, keyId).equals(requestKey));
      expect("responseKey", Sealwire.mac(secret, utf8("response-key"), clientId, keyId).equals(responseKey));
      var requestText = Credentials.readKey("sws_", text(each, "requestKeyText"));
      var responseText = Credentials.readKey("swr_", text(each, "responseKeyText"));
      expect("requestKeyText", ByteString.copyFrom(requestText).equals(requestKey));
      expect("responseKeyText", ByteString.copyFrom(responseText).equals(responseKey));
      end("keys derivation " + ++number);
    }
  }

  private void checkRequests(JsonObject file) throws IOException {
    for (var each : cases(file, "cases")) {
      checkSigner(each, cases(file, "keys"), text(each, "flag"));
      end("requests " + each.get("id"));
    }
  }

  private void checkSequences(JsonObject file) throws IOException {
    for (var each : cases(file, "cases")) {
      for (var step : cases(each, "steps")) checkSigner(step, cases(step, "keys"), text(each, "flag"));
      end("sequences " + each.get("id"));
    }
  }

  private void checkSigner(JsonObject request, List<JsonObject> keys, String flag) throws IOException {
    var signed = request.getAsJsonObject("signed");
    var key = text(signed, "key");
    var named = keys.stream().filter(one -> text(one, "keyId").equals(key)).findFirst();
    var requestKey = named.map(one -> bytes(one.get("requestKey"))).orElseGet(() -> hex(key)).toByteArray();
    var keyId = text(signed, "keyId");
    var method = text(signed, "method");
    var envelope = bytes(signed.get("envelope"));
    var input = bytes(signed.get("signingInput"));
    var signature = bytes(signed.get("signature"));
    var right = Sealwire.pae(utf8("request"), utf8(method), utf8(keyId), envelope);
    var isRight = !flag.equals("SigningInput");
    expect("signingInput", right.equals(input) == isRight);
    expect("hmac", hmac(requestKey, input).equals(signature));
    if (signed.get("fields") instanceof JsonObject fields) expect("fields", envelopeOf(fields).equals(envelope));
    var frame = subject.signer().sign(signerOf(keyId, requestKey), method, envelope);
    expect("signature", frame.getSignature().equals(signature) == isRight);
    var received = bytes(request.getAsJsonObject("received").get("frame"));
    if (flag.equals("Valid")) expect("frame", Frame.parseFrom(received).equals(frame));
  }

  private void checkResponses(JsonObject file) {
    var request = file.getAsJsonObject("request");
    var key = file.getAsJsonObject("key");
    var responseKey = bytes(key.get("responseKey")).toByteArray();
    var who = new Credentials("", text(request, "serverId"), "", "", text(key, "keyId"), responseKey, responseKey);
    for (var each : cases(file, "cases")) {
      var signed = each.getAsJsonObject("signed");
      var input = bytes(signed.get("signingInput"));
      var right = Sealwire.pae(utf8("response"), bytes(signed.get("requestSignature")), bytes(signed.get("response")));
      expect("signingInput", right.equals(input) != text(each, "flag").equals("SigningInput"));
      var signature = hmac(bytes(signed.get("key")).toByteArray(), input);
      expect("hmac", signature.equals(bytes(signed.get("signature"))));
      var frame = bytes(each.getAsJsonObject("received").get("frame"));
      var isValid = isValid(who, frame, request, Long.parseLong(text(each, "sequence")));
      expect("verdict", each.has("lenient") || isValid == text(each, "result").equals("valid"));
      end("responses " + each.get("id"));
    }
  }

  private boolean isValid(Credentials who, ByteString frame, JsonObject request, long sequence) {
    try {
      var answer = Frame.parseFrom(frame);
      var signature = bytes(request.get("signature"));
      subject.verifier().verify(who, answer, signature, text(request, "requestId"), sequence);
      return true;
    } catch (InvalidProtocolBufferException | UnverifiedException e) {
      return false;
    }
  }

  private void checkSizes(JsonObject file) throws IOException {
    var number = 0;
    for (var each : cases(file, "macs")) {
      var mac = hmac(bytes(each.get("key")).toByteArray(), runs(each.get("input")));
      expect("hmac", mac.equals(bytes(each.get("mac"))));
      end("sizes mac " + ++number);
    }
    for (var each : cases(file, "cases")) {
      var key = bytes(each.get("key")).toByteArray();
      var parts = each.getAsJsonArray("parts").asList().stream().map(Json::runs).toArray(ByteString[]::new);
      var content = parts[parts.length - 1];
      var isValid = text(each, "result").equals("valid");
      expect("signingInput", Sealwire.pae(parts).equals(runs(each.get("signingInput"))));
      expect("hmac", Sealwire.mac(key, parts).equals(bytes(each.get("signature"))));
      if (isValid && text(each, "flag").equals("Request")) {
        var frame = subject.signer().sign(signerOf(text(each, "keyId"), key), parts[1].toStringUtf8(), content);
        expect("frame", frame.toByteString().equals(runs(each.get("frame"))));
      }
      var received = Frame.parseFrom(runs(each.get("frame")));
      parts[parts.length - 1] = received.getContent();
      expect("verdict", Sealwire.mac(key, parts).equals(received.getSignature()) == isValid);
      end("sizes " + each.get("id"));
    }
  }

  private void checkCanonical(JsonObject file) throws IOException {
    var types = new Types(FileDescriptorSet.parseFrom(bytes(file.get("descriptorSet"))));
    for (var each : cases(file, "cases")) {
      if (each.get("canonical").isJsonNull()) continue;
      var form = bytes(each.get("canonical"));
      var message = DynamicMessage.parseFrom(types.find(text(each, "type")), bytes(each.get("bytes")));
      expect("canonical", Canonical.of(message).equals(form));
      var intent = sha256(Sealwire.pae(utf8("intent"), utf8("sample"), form));
      expect("intentDigest", intent.equals(bytes(each.get("intentDigest"))));
      end("canonical " + each.get("id"));
    }
  }

  private void expect(String check, boolean holds) {
    if (!holds) wrong.add(check);
  }

  /** Counts a case, once all its checks were made. */
  private void end(String name) {
    if (wrong.isEmpty()) {
      agreed += 1;
      return;
    }
    System.out.println(name + " " + String.join(" ", wrong));
    failed += 1;
    wrong.clear();
  }

  /** The key in hex, or null where it is refused. */
  private static JsonElement readKey(String prefix, String text) {
    try {
      return new JsonPrimitive(HexFormat.of().formatHex(Credentials.readKey(prefix, text)));
    } catch (IOException e) {
      return JsonNull.INSTANCE;
    }
  }

  private static Credentials signerOf(String keyId, byte[] requestKey) {
    return new Credentials("", "", "", "", keyId, requestKey, requestKey);
  }

  private static ByteString envelopeOf(JsonObject fields) {
    var envelope = Envelope.newBuilder();
    envelope.setV(text(fields, "v")).setRequestId(text(fields, "requestId"));
    envelope.setTsMs(Long.parseLong(text(fields, "tsMs")));
    envelope.setClientId(text(fields, "clientId")).setServerId(text(fields, "serverId")).setTool(text(fields, "tool"));
    if (fields.get("args") instanceof JsonObject args)
      envelope.setArgs(Any.newBuilder().setTypeUrl(text(args, "typeUrl")).setValue(bytes(args.get("value"))));
    return envelope.setNonce(bytes(fields.get("nonce"))).build().toByteString();
  }

  private static ByteString hmac(byte[] key, ByteString input) {
    try {
      var mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      return ByteString.copyFrom(mac.doFinal(input.toByteArray()));
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  private static ByteString sha256(ByteString input) {
    try {
      return ByteString.copyFrom(MessageDigest.getInstance("SHA-256").digest(input.toByteArray()));
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }
}

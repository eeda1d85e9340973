package checker;

import static checker.Subject.utf8;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import example.Frame;
import example.Sealwire;
import example.Sealwire.UnverifiedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
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
  private String current = "";
  private boolean currentAgrees;

  Vectors(Subject subject) {
    this.subject = subject;
  }

  /** Prints how many cases agree, or each check that fails. */
  boolean check(Path folder) throws IOException {
    checkKeys(read(folder, "keys.json"));
    checkRequests(read(folder, "requests.json"));
    checkResponses(read(folder, "responses.json"));
    checkIntents(read(folder, "canonical.json"));
    if (failed == 0) System.out.println(agreed + " vectors agree");
    return failed == 0;
  }

  private void checkKeys(JsonObject file) throws IOException {
    var number = 0;
    for (var each : cases(file, "pae")) {
      begin("keys pae " + ++number);
      var parts = each.getAsJsonArray("parts").asList().stream().map(Vectors::bytes).toArray(ByteString[]::new);
      expect("bytes", Sealwire.pae(parts).equals(bytes(each.get("bytes"))));
      end();
    }
    number = 0;
    for (var each : cases(file, "derivations")) {
      begin("keys derivation " + ++number);
      var secret = bytes(each.get("serverSecret")).toByteArray();
      var clientId = utf8(text(each, "clientId"));
      var keyId = utf8(text(each, "keyId"));
      var requestKey = bytes(each.get("requestKey"));
      var responseKey = bytes(each.get("responseKey"));
      var fingerprint = Sealwire.mac(secret, utf8("fingerprint")).substring(0, 16);
      expect("fingerprint", fingerprint.equals(bytes(each.get("fingerprint"))));
      expect("requestKey", Sealwire.mac(secret, utf8("request-key"), clientId, keyId).equals(requestKey));
      expect("responseKey", Sealwire.mac(secret, utf8("response-key"), clientId, keyId).equals(responseKey));
      var requestText = Sealwire.readKey("sws_", text(each, "requestKeyText"));
      var responseText = Sealwire.readKey("swr_", text(each, "responseKeyText"));
      expect("requestKeyText", ByteString.copyFrom(requestText).equals(requestKey));
      expect("responseKeyText", ByteString.copyFrom(responseText).equals(responseKey));
      end();
    }
  }

  private void checkRequests(JsonObject file) {
    for (var each : cases(file, "cases")) {
      begin("requests " + each.get("id"));
      var signed = each.getAsJsonObject("signed");
      var flag = text(each, "flag");
      var key = text(signed, "key");
      var named = cases(file, "keys").stream().filter(one -> text(one, "keyId").equals(key)).findFirst();
      var requestKey = named.map(one -> bytes(one.get("requestKey"))).orElseGet(() -> hex(key)).toByteArray();
      var keyId = text(signed, "keyId");
      var method = text(signed, "method");
      var envelope = bytes(signed.get("envelope"));
      var input = bytes(signed.get("signingInput"));
      var signature = bytes(signed.get("signature"));
      var right = Sealwire.pae(utf8("request"), utf8(method), utf8(keyId), envelope);
      expect("signingInput", right.equals(input) != flag.equals("SigningInput"));
      expect("signature", hmac(requestKey, input).equals(signature));
      if (signed.get("fields") instanceof JsonObject fields) expect("envelope", envelopeOf(fields).equals(envelope));
      if (flag.equals("Valid")) {
        var who = new Sealwire("", "", "", "", keyId, requestKey, requestKey);
        var frame = subject.signer().sign(who, method, envelope);
        expect("own signature", frame.getSignature().equals(signature));
        var received = bytes(each.getAsJsonObject("received").get("frame"));
        expect("own frame", !isPlain(received) || frame.toByteString().equals(received));
      }
      end();
    }
  }

  private void checkResponses(JsonObject file) {
    var request = file.getAsJsonObject("request");
    var key = file.getAsJsonObject("key");
    var responseKey = bytes(key.get("responseKey")).toByteArray();
    var who = new Sealwire("", text(request, "serverId"), "", "", text(key, "keyId"), responseKey, responseKey);
    for (var each : cases(file, "cases")) {
      begin("responses " + each.get("id"));
      var signed = each.getAsJsonObject("signed");
      var input = bytes(signed.get("signingInput"));
      var right = Sealwire.pae(utf8("response"), bytes(signed.get("requestSignature")), bytes(signed.get("response")));
      expect("signingInput", right.equals(input) != text(each, "flag").equals("SigningInput"));
      var signature = hmac(bytes(signed.get("key")).toByteArray(), input);
      expect("signature", signature.equals(bytes(signed.get("signature"))));
      var frame = bytes(each.getAsJsonObject("received").get("frame"));
      var isValid = isValid(who, frame, request, Long.parseLong(text(each, "sequence")));
      expect("verdict", each.has("lenient") || isValid == text(each, "result").equals("valid"));
      end();
    }
  }

  private boolean isValid(Sealwire who, ByteString frame, JsonObject request, long sequence) {
    try {
      var answer = Frame.parseFrom(frame);
      var signature = bytes(request.get("signature"));
      subject.verifier().verify(who, answer, signature, text(request, "requestId"), sequence);
      return true;
    } catch (InvalidProtocolBufferException | UnverifiedException e) {
      return false;
    }
  }

  /** Java's deterministic encoder writes another form: it sorts the keys of a map by UTF-16 units. */
  private void checkIntents(JsonObject file) {
    for (var each : cases(file, "cases")) {
      if (each.get("canonical").isJsonNull()) continue;
      begin("canonical " + each.get("id"));
      var intent = Sealwire.pae(utf8("intent"), utf8("sample"), bytes(each.get("canonical")));
      expect("intentDigest", sha256(intent).equals(bytes(each.get("intentDigest"))));
      end();
    }
  }

  private void begin(String name) {
    current = name;
    currentAgrees = true;
  }

  private void expect(String check, boolean holds) {
    if (!holds) System.out.println(current + " " + check);
    currentAgrees &= holds;
  }

  private void end() {
    if (currentAgrees) agreed += 1;
    else failed += 1;
  }

  /** True if the frame's fields stand as an encoder writes them. */
  private static boolean isPlain(ByteString frame) {
    try {
      return Frame.parseFrom(frame).toByteString().equals(frame);
    } catch (InvalidProtocolBufferException e) {
      return false;
    }
  }

  private static ByteString envelopeOf(JsonObject fields) {
    var envelope = Envelope.newBuilder();
    envelope.setV(text(fields, "v")).setRequestId(text(fields, "requestId")).setTsMs(Long.parseLong(text(fields, "tsMs")));
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

  private static JsonObject read(Path folder, String name) throws IOException {
    return JsonParser.parseString(Files.readString(folder.resolve(name))).getAsJsonObject();
  }

  private static List<JsonObject> cases(JsonObject file, String name) {
    return file.getAsJsonArray(name).asList().stream().map(JsonElement::getAsJsonObject).toList();
  }

  private static String text(JsonObject object, String name) {
    return object.get(name).getAsString();
  }

  private static ByteString bytes(JsonElement digits) {
    return hex(digits.getAsString());
  }

  private static ByteString hex(String digits) {
    return ByteString.copyFrom(HexFormat.of().parseHex(digits));
  }
}

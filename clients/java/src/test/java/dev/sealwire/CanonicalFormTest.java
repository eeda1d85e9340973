package dev.sealwire;

import static dev.sealwire.Vectors.bytes;
import static dev.sealwire.Vectors.text;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.protobuf.ByteString;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.DynamicMessage;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.List;
import org.junit.jupiter.api.Test;

final class CanonicalFormTest {
  @Test
  void messagesHaveTheCanonicalFormOfTheVectors() throws IOException, GeneralSecurityException {
    var vectors = new Vectors("canonical.json");
    var types = new MessageTypes(FileDescriptorSet.parseFrom(bytes(vectors.file.get("descriptorSet"))));
    for (var each : vectors.cases("cases")) {
      if (each.get("canonical").isJsonNull()) continue;
      var form = bytes(each.get("canonical"));
      var message = DynamicMessage.parseFrom(types.find(text(each, "type")), bytes(each.get("bytes")));
      vectors.expect(each, "canonical", CanonicalForm.of(message).equals(form));
      var intent = Signing.pae(ByteString.copyFromUtf8("intent"), ByteString.copyFromUtf8("sample"), form);
      var digest = ByteString.copyFrom(MessageDigest.getInstance("SHA-256").digest(intent));
      vectors.expect(each, "intentDigest", digest.equals(bytes(each.get("intentDigest"))));
    }
    assertEquals(List.of(), vectors.disagreements);
  }
}

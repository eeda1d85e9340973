package dev.sealwire;

import static dev.sealwire.Vectors.bytes;
import static dev.sealwire.Vectors.hex;
import static dev.sealwire.Vectors.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.sealwire.system.v1.ToolDescription;
import java.util.HashMap;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ToolDefinitionTest {
  @Test
  void definitionsHaveTheDigestsOfTheVectors() {
    var vectors = new Vectors("definitions.json");
    var imports = bytes(vectors.file.get("imports"));
    var flags = new HashMap<String, String>();
    for (var each : vectors.cases("cases")) {
      var tool = ToolDescription.newBuilder()
          .setName(text(each.getAsJsonObject("parts"), "name")).setMethod(text(each, "method")).build();
      var digest = ToolDefinition.digest(tool, imports.concat(bytes(each.get("descriptorSet"))));
      vectors.expect(each, "digest", digest.equals(text(each, "digest")));
      var flag = text(each, "flag").equals("Same") ? "Same" : text(each, "id");
      var known = flags.putIfAbsent(digest, flag);
      vectors.expect(each, "flag", known == null || known.equals(flag));
    }
    assertEquals(List.of(), vectors.disagreements);
  }

  @Test
  void descriptorsThatCannotBeUsedHaveNoDigest() throws InvalidProtocolBufferException {
    var tool = Peer.tools().getTools(0);
    var set = FileDescriptorSet.parseFrom(Peer.tools().getDescriptorSet());
    var last = set.getFile(set.getFileCount() - 1);
    var twice = set.toBuilder().addFile(last).build().toByteString();
    var elsewhere = set.toBuilder().addFile(last.toBuilder().setName("other.proto")).build().toByteString();
    var broken = List.of(
        ByteString.EMPTY, hex("0a"), hex("0a0561"), hex("0b"), hex("0801ff"), hex("0a04520182ff"), twice, elsewhere);
    for (var each : broken) {
      assertThrows(IllegalArgumentException.class, () -> ToolDefinition.digest(tool, each), each::toString);
    }
  }
}

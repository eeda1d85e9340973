package dev.sealwire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.sealwire.demo.v1.BatchSumRequest;
import dev.sealwire.demo.v1.BatchSumResponse;
import dev.sealwire.demo.v1.DemoToolServiceGrpc;
import dev.sealwire.system.v1.ListToolsResponse;
import dev.sealwire.v1.Error;
import dev.sealwire.v1.ErrorReason;
import io.grpc.Channel;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
final class PinsTest {
  private static final BatchSumRequest NUMBERS = BatchSumRequest.newBuilder().addNumbers(1).build();
  private static final BatchSumResponse SUM = BatchSumResponse.newBuilder().setCount(1).setTotal(1).build();
  private static final Peer.Behaviour SUMS = (request, reply) -> {
    reply.onNext(request.ok(SUM));
    reply.onCompleted();
  };
  private static final ByteString CONTRACT = Peer.tools().getDescriptorSet();
  private static final ByteString CHANGED = changed();
  private static final String ACCEPTED = digest(CONTRACT);
  private static final String OTHER = digest(CHANGED);

  @Test
  void theAcceptedDefinitionIsSentToAServerThatStatesOne() throws Exception {
    for (var stated : List.of(ACCEPTED, "")) {
      try (var peer = new Peer(SUMS, SUMS)) {
        peer.listed = listed(CONTRACT, stated);
        assertEquals(SUM, sum(pinned(peer, ACCEPTED)));
        assertEquals(stated, peer.received.remove().envelope().getDefinitionDigest());
      }
    }
  }

  @Test
  void aToolThatHasChangedIsNotCalledWhateverTheServerStates() throws Exception {
    assertNotEquals(ACCEPTED, OTHER);
    for (var stated : List.of("", ACCEPTED, OTHER)) {
      try (var peer = new Peer(SUMS, SUMS)) {
        peer.listed = listed(CHANGED, stated);
        var thrown = assertThrows(StatusRuntimeException.class, () -> sum(pinned(peer, ACCEPTED)));
        assertEquals(Code.FAILED_PRECONDITION, thrown.getStatus().getCode());
        var error = SealwireErrors.errorOf(thrown).orElseThrow();
        assertEquals(ErrorReason.ERROR_REASON_TOOL_CHANGED, error.getReason());
        assertTrue(peer.received.isEmpty());
      }
    }
  }

  @Test
  void aListThatStatesAnotherDigestThanItsContractIsNotUsed() throws Exception {
    try (var peer = new Peer(SUMS, SUMS)) {
      peer.listed = listed(CONTRACT, OTHER);
      assertEquals("RESPONSE_INVALID", reasonOf(pinned(peer, ACCEPTED)));
      assertTrue(peer.received.isEmpty());
    }
  }

  @Test
  void aCallMayNameTheAcceptedDefinitionItself() throws Exception {
    try (var peer = new Peer(SUMS, SUMS)) {
      peer.listed = listed(CONTRACT, ACCEPTED);
      var stub = DemoToolServiceGrpc.newBlockingStub(pinned(peer, OTHER));
      assertEquals(SUM, stub.withOption(Sealwire.DEFINITION_DIGEST, ACCEPTED).batchSum(NUMBERS));
      assertEquals(ACCEPTED, peer.received.remove().envelope().getDefinitionDigest());
      for (var wrong : Map.of(OTHER, "TOOL_CHANGED", "ABC", "ENVELOPE_INVALID").entrySet()) {
        var bound = stub.withOption(Sealwire.DEFINITION_DIGEST, wrong.getKey());
        var thrown = assertThrows(StatusRuntimeException.class, () -> bound.batchSum(NUMBERS));
        assertEquals(wrong.getValue(), SealwireErrors.reasonOf(thrown).orElseThrow());
      }
      assertTrue(peer.received.isEmpty());
    }
  }

  @Test
  void theSettingsOfACallByNameHoldTheDigestBesideTheOthers() {
    assertNull(CallSettings.DEFAULT.options().getOption(Sealwire.DEFINITION_DIGEST));
    var settings = CallSettings.DEFAULT.withDefinitionDigest(ACCEPTED).withRequestId("mine");
    assertEquals(ACCEPTED, settings.options().getOption(Sealwire.DEFINITION_DIGEST));
    assertEquals("mine", settings.headers().get(CallMetadata.REQUEST_ID));
  }

  @Test
  void otherToolsAndSystemToolsAreNotChecked() throws Exception {
    try (var peer = new Peer(SUMS, SUMS)) {
      peer.listed = listed(CONTRACT, ACCEPTED);
      var channel = peer.channel(Sealwire.builder().pins(Map.of("watch_job", OTHER)));
      assertEquals(SUM, sum(channel));
      assertEquals("", peer.received.remove().envelope().getDefinitionDigest());
      assertEquals("", new ListedDefinition(peer.listed.getTools(2), () -> null).toSend(OTHER));
    }
  }

  @Test
  void aRefusedDefinitionIsNotTriedAgainAndAServerOf01IsNamed() throws Exception {
    for (var reason : List.of(ErrorReason.ERROR_REASON_TOOL_CHANGED, ErrorReason.ERROR_REASON_ENVELOPE_INVALID)) {
      var error = Error.newBuilder().setCodeValue(9).setReason(reason).setMessage("refused in a test").build();
      try (var peer = new Peer((request, reply) -> reply.onError(request.refusal(error)), SUMS)) {
        peer.listed = listed(CONTRACT, ACCEPTED);
        var thrown = assertThrows(StatusRuntimeException.class, () -> sum(pinned(peer, ACCEPTED)));
        assertEquals(Code.FAILED_PRECONDITION, thrown.getStatus().getCode());
        assertEquals(reason, SealwireErrors.errorOf(thrown).orElseThrow().getReason());
        var isNamed = thrown.getMessage().contains("servers of 0.1");
        assertEquals(reason == ErrorReason.ERROR_REASON_ENVELOPE_INVALID, isNamed);
        assertEquals(1, peer.received.size());
      }
    }
  }

  @Test
  void aPinThatIsNoDigestIsNamed() {
    for (var digest : List.of("", "ab", "A".repeat(64), "a".repeat(64) + "\n")) {
      var pins = Map.of("batch_sum", digest);
      var thrown = assertThrows(IllegalArgumentException.class, () -> Sealwire.builder().pins(pins));
      assertTrue(thrown.getMessage().contains("\"batch_sum\""));
    }
  }

  private static Channel pinned(Peer peer, String digest) {
    return peer.channel(Sealwire.builder().pins(Map.of("batch_sum", digest)));
  }

  private static BatchSumResponse sum(Channel channel) {
    return DemoToolServiceGrpc.newBlockingStub(channel).batchSum(NUMBERS);
  }

  private static String reasonOf(Channel channel) {
    var thrown = assertThrows(StatusRuntimeException.class, () -> sum(channel));
    return SealwireErrors.reasonOf(thrown).orElseThrow();
  }

  private static ListToolsResponse listed(ByteString contract, String stated) {
    var list = Peer.tools().toBuilder().setDescriptorSet(contract);
    list.getToolsBuilder(0).setDefinitionDigest(stated);
    return list.build();
  }

  private static String digest(ByteString contract) {
    return ToolDefinition.digest(Peer.tools().getTools(0), contract);
  }

  /** The contract with another name of a field of the arguments. */
  private static ByteString changed() {
    try {
      var set = FileDescriptorSet.parseFrom(CONTRACT).toBuilder();
      for (var file : set.getFileBuilderList()) {
        if (file.getName().endsWith("batch_sum.proto")) file.getMessageTypeBuilder(0).getFieldBuilder(0).setName("secrets");
      }
      return set.build().toByteString();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException(e);
    }
  }
}

package dev.sealwire;

import static dev.sealwire.Vectors.cases;
import static dev.sealwire.Vectors.runs;
import static dev.sealwire.Vectors.text;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import dev.sealwire.demo.v1.BatchSumRequest;
import dev.sealwire.demo.v1.StartLongTaskRequest;
import dev.sealwire.system.v1.ListJobsRequest;
import dev.sealwire.system.v1.PollJobRequest;
import dev.sealwire.system.v1.WatchJobRequest;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class RequestCheckTest {
  private static final Set<String> CHECKED = Set.of("Valid", "Rule");
  private static final Map<String, Message> TYPES = Stream.of(
          BatchSumRequest.getDefaultInstance(), StartLongTaskRequest.getDefaultInstance(),
          ListJobsRequest.getDefaultInstance(), PollJobRequest.getDefaultInstance(), WatchJobRequest.getDefaultInstance())
      .collect(Collectors.toMap(type -> "type.googleapis.com/" + type.getDescriptorForType().getFullName(), Function.identity()));

  @Test
  void violationsAreThoseOfTheVectors() throws InvalidProtocolBufferException {
    var vectors = new Vectors("arguments.json");
    var check = RequestCheck.create();
    var checked = 0;
    for (var each : vectors.cases("cases")) {
      if (!CHECKED.contains(text(each, "flag"))) continue;
      checked += 1;
      var args = each.getAsJsonObject("args");
      var type = TYPES.get(text(args, "typeUrl"));
      var found = check.apply(type.getParserForType().parseFrom(runs(args.get("value")))).stream()
          .map(violation -> violation.getField() + " " + violation.getRuleId()).toList();
      var right = each.has("violations")
          ? cases(each, "violations").stream().map(one -> text(one, "field") + " " + text(one, "ruleId")).toList()
          : List.of();
      vectors.expect(each, "violations " + found + " for " + right, found.equals(right));
    }
    assertEquals(List.of(), vectors.disagreements);
    assertEquals(true, checked > 20);
  }
}

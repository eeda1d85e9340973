package agent;

import com.google.protobuf.ByteString;
import com.google.protobuf.ListValue;
import com.google.protobuf.NullValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import dev.sealwire.interop.v1.EchoRequest;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/** Random requests to {@code echo}, the same for the same seed. */
final class RandomRequests {
  private static final String[] PIECES = {
    "a", "Z", " ", "\"", "\\", "\0", "\n", "\u00e9", "\u0301", "\uffff", "\ud83e\uddad", "\udbff\udfff", "__proto__"
  };
  private static final double[] RATIOS =
      {0, -0.0, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.MIN_VALUE, Double.MAX_VALUE};
  private static final int DEPTH = 3;

  private final SplittableRandom random;

  RandomRequests(long seed) {
    random = new SplittableRandom(seed);
  }

  /** So many requests with some of their fields set. */
  List<EchoRequest> take(int count) {
    return Stream.generate(this::request).limit(count).toList();
  }

  private EchoRequest request() {
    var request = EchoRequest.newBuilder().setText(text()).setRatio(RATIOS[random.nextInt(RATIOS.length)]);
    if (random.nextBoolean()) request.setPayload(object(DEPTH));
    if (random.nextBoolean()) request.setNumber(random.nextLong());
    var data = new byte[random.nextInt(100)];
    random.nextBytes(data);
    random.ints(random.nextInt(6)).forEach(request::addDeltas);
    random.longs(random.nextInt(4)).forEach(number -> request.putNames(number >> random.nextInt(64), text()));
    return request.setData(ByteString.copyFrom(data)).build();
  }

  private Struct object(int depth) {
    var object = Struct.newBuilder();
    for (var left = random.nextInt(5); left > 0; left -= 1) object.putFields(text(), value(depth));
    return object.build();
  }

  private Value value(int depth) {
    var value = Value.newBuilder();
    return switch (random.nextInt(depth > 0 ? 6 : 4)) {
      case 0 -> value.setNullValue(NullValue.NULL_VALUE).build();
      case 1 -> value.setBoolValue(random.nextBoolean()).build();
      case 2 -> value.setNumberValue(random.nextLong() / 1024.0).build();
      case 3 -> value.setStringValue(text()).build();
      case 4 -> value.setStructValue(object(depth - 1)).build();
      default -> value.setListValue(list(depth - 1)).build();
    };
  }

  private ListValue list(int depth) {
    var list = ListValue.newBuilder();
    for (var left = random.nextInt(4); left > 0; left -= 1) list.addValues(value(depth));
    return list.build();
  }

  private String text() {
    var text = new StringBuilder();
    for (var left = random.nextInt(12); left > 0; left -= 1)
      text.append(PIECES[random.nextInt(PIECES.length)]);
    return text.toString();
  }
}

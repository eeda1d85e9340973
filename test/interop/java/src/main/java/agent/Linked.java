package agent;

import build.buf.protovalidate.ValidatorFactory;
import build.buf.protovalidate.exceptions.ValidationException;
import build.buf.validate.FieldRules;
import build.buf.validate.ValidateProto;
import com.google.rpc.ErrorInfo;
import dev.sealwire.Sealwire;
import dev.sealwire.demo.v1.BatchSumRequest;
import io.grpc.protobuf.StatusProto;

/** Uses the package together with protovalidate and google.rpc in one program, which fails if one of them is there twice. */
public final class Linked {
  private Linked() {}

  public static void main(String[] args) throws ValidationException {
    var bad = BatchSumRequest.newBuilder().addNumbers(Double.NaN).build();
    var found = ValidatorFactory.newBuilder().build().validate(bad).getViolations();
    expect(found.size() == 1 && found.get(0).toProto().getRuleId().equals("double.finite"));
    FieldRules rules = BatchSumRequest.getDescriptor().findFieldByName("numbers").getOptions().getExtension(ValidateProto.field);
    expect(rules.hasRepeated());
    var info = ErrorInfo.newBuilder().setReason("LINKED").build();
    var status = com.google.rpc.Status.newBuilder().setCode(3).addDetails(com.google.protobuf.Any.pack(info)).build();
    expect(StatusProto.fromThrowable(StatusProto.toStatusRuntimeException(status)).equals(status));
    Sealwire.builder().validateRequests();
  }

  private static void expect(boolean holds) {
    if (!holds) throw new AssertionError("protovalidate or google.rpc does not work beside the package");
  }
}

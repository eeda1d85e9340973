package dev.sealwire;

import com.google.protobuf.Any;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.sealwire.v1.Error;
import dev.sealwire.v1.ErrorReason;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.Status.Code;
import io.grpc.protobuf.StatusProto;
import java.util.Set;

/**
 * The status of a failed call (docs/proxy.md, Statuses), as every package gives it. Ordinary stubs repeat a call that ends
 * with UNAVAILABLE, as a new intent. So a call that may have had an effect never ends with it.
 *
 * @param status the status
 * @param trailers the details and the ids of the call
 */
record NativeStatus(Status status, Metadata trailers) {
  private static final String DOMAIN = "sealwire";

  /** Reasons that say for certain what has become of the call, or have a status of their own. */
  private static final Set<String> CERTAIN =
      Set.of("RESPONSE_UNVERIFIED", "RESPONSE_INVALID", "OUTCOME_UNKNOWN", "JOB_NOT_FOUND");

  /** Details that a tool must not forge. */
  private static final Set<String> OWN_TYPES =
      Set.of("sealwire.v1.CallResponse", "sealwire.v1.WatchJobResponse", "sealwire.v1.Error", "google.rpc.ErrorInfo");

  /** The status of a call that was not sent. */
  static NativeStatus before(Failure failure) {
    return of(failure, codeOf(failure), null);
  }

  /** The status of a tool or a job that has failed, as its verified answer says. */
  static NativeStatus ofTool(Failure failure, FailedCall call) {
    var code = codeOf(failure);
    return of(failure, code == Code.UNAVAILABLE && !call.isRepeatable() ? Code.ABORTED : code, call);
  }

  /** The status of a call that was sent, or of a job that was watched, without a verified outcome. */
  static NativeStatus ofCall(Failure failure, FailedCall call) {
    var known = isOpen(failure, call) ? outcomeUnknown(failure, call) : failure;
    return of(known, codeOf(known), call);
  }

  /** True if the call may have had an effect, or its job goes on. */
  private static boolean isOpen(Failure failure, FailedCall call) {
    if (call.isRepeatable() || CERTAIN.contains(failure.reason())) return false;
    return call.jobId() != null || !failure.notBegun();
  }

  private static Failure outcomeUnknown(Failure cause, FailedCall call) {
    var what = call.jobId() == null ? "The call may have taken effect" : "Job " + call.jobId() + " goes on";
    var message = what + "; to get the outcome, repeat the call with the metadata sealwire-request-id: "
        + call.requestId() + ". (" + cause.message() + ")";
    return Failure.of(ErrorReason.ERROR_REASON_OUTCOME_UNKNOWN, Code.UNKNOWN, message);
  }

  private static Code codeOf(Failure failure) {
    if (failure.isUnverified()) return Code.DATA_LOSS;
    return failure.is(ErrorReason.ERROR_REASON_OUTCOME_UNKNOWN) ? Code.UNKNOWN : failure.code();
  }

  private static NativeStatus of(Failure failure, Code code, FailedCall call) {
    var told = com.google.rpc.Status.newBuilder().setCode(code.value()).setMessage(failure.message());
    told.addDetails(Any.pack(summary(failure, call)));
    if (failure.error() != null) addProjections(told, failure.error());
    var thrown = StatusProto.toStatusRuntimeException(told.build());
    var trailers = thrown.getTrailers();
    if (call != null) trailers.merge(CallMetadata.answer(call.requestId(), call.jobId()));
    var status = thrown.getStatus();
    return new NativeStatus(
        failure.isUnverified() ? status.withCause(new UnverifiedException(failure.message())) : status, trailers);
  }

  private static ErrorInfo summary(Failure failure, FailedCall call) {
    var info = ErrorInfo.newBuilder().setReason(failure.reason()).setDomain(DOMAIN);
    if (call == null) return info.build();
    info.putMetadata("tool", call.tool()).putMetadata("request_id", call.requestId());
    if (call.jobId() != null) info.putMetadata("job_id", call.jobId());
    return info.build();
  }

  private static void addProjections(com.google.rpc.Status.Builder told, Error error) {
    if (error.hasRetryDelay()) {
      told.addDetails(Any.pack(RetryInfo.newBuilder().setRetryDelay(error.getRetryDelay()).build()));
    }
    if (error.getViolationsCount() > 0) {
      var fields = BadRequest.newBuilder();
      for (var each : error.getViolationsList()) {
        fields.addFieldViolationsBuilder().setField(each.getField()).setDescription(each.getMessage())
            .setReason(each.getRuleId());
      }
      told.addDetails(Any.pack(fields.build()));
    }
    for (var detail : error.getDetailsList()) {
      var typeUrl = detail.getTypeUrl();
      if (!OWN_TYPES.contains(typeUrl.substring(typeUrl.lastIndexOf('/') + 1))) told.addDetails(detail);
    }
    told.addDetails(Any.pack(error));
  }
}

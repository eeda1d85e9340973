package dev.sealwire;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import dev.sealwire.v1.Error;
import io.grpc.Metadata;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.Optional;

/** Reads what a failed call says, from the exception of a generated stub or of {@link SealwireClient}. */
public final class SealwireErrors {
  private SealwireErrors() {}

  /**
   * Returns the error of the server, of the tool or of the job: reason, violations, retry delay, details.
   *
   * @param thrown the exception, or one that has it as a cause, such as an ExecutionException
   * @return the error; empty where no server has answered, and for reasons that only a client knows
   */
  public static Optional<Error> errorOf(Throwable thrown) {
    return detail(thrown, Error.class);
  }

  /**
   * Returns the reason of the failure, a name of docs/errors.md such as {@code ARGS_INVALID} or {@code UNREACHABLE}.
   *
   * @param thrown the exception, or one that has it as a cause
   * @return the reason; empty where the call did not go through Sealwire, or was cancelled by its caller
   */
  public static Optional<String> reasonOf(Throwable thrown) {
    return detail(thrown, ErrorInfo.class).filter(info -> info.getDomain().equals("sealwire")).map(ErrorInfo::getReason);
  }

  /**
   * Returns the request id of the failed call, under which it can be repeated.
   *
   * @param thrown the exception, or one that has it as a cause
   * @return the id; empty where the call was not sent
   */
  public static Optional<String> requestIdOf(Throwable thrown) {
    return Optional.ofNullable(trailers(statusOf(thrown))).map(trailers -> trailers.get(CallMetadata.REQUEST_ID));
  }

  /**
   * Returns the id of the job that the failed call has started.
   *
   * @param thrown the exception, or one that has it as a cause
   * @return the id; empty where no job was accepted
   */
  public static Optional<String> jobIdOf(Throwable thrown) {
    return Optional.ofNullable(trailers(statusOf(thrown))).map(trailers -> trailers.get(CallMetadata.JOB_ID));
  }

  /**
   * Tells whether the call failed because its answer does not verify.
   *
   * @param thrown the exception, or one that has it as a cause
   * @return true if an {@link UnverifiedException} is among the causes
   */
  public static boolean isUnverified(Throwable thrown) {
    for (var each = thrown; each != null; each = each.getCause()) {
      if (each instanceof UnverifiedException) return true;
    }
    return false;
  }

  private static <T extends Message> Optional<T> detail(Throwable thrown, Class<T> type) {
    var found = statusOf(thrown);
    if (found == null || trailers(found) == null) return Optional.empty();
    try {
      var status = StatusProto.fromThrowable(found);
      if (status == null) return Optional.empty();
      for (var any : status.getDetailsList()) if (any.is(type)) return Optional.of(any.unpack(type));
      return Optional.empty();
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static Throwable statusOf(Throwable thrown) {
    for (var each = thrown; each != null; each = each.getCause()) {
      if (each instanceof StatusRuntimeException || each instanceof StatusException) return each;
    }
    return null;
  }

  private static Metadata trailers(Throwable thrown) {
    if (thrown instanceof StatusRuntimeException runtime) return runtime.getTrailers();
    return thrown instanceof StatusException checked ? checked.getTrailers() : null;
  }
}

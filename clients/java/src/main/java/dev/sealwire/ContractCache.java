package dev.sealwire;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.sealwire.system.v1.ListToolsRequest;
import dev.sealwire.system.v1.ListToolsResponse;
import dev.sealwire.v1.ErrorReason;
import dev.sealwire.v1.Response;
import io.grpc.Status.Code;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;

/** The server's current contract. It is fetched again while it is used, so that new tools need no restart. */
final class ContractCache {
  /** Takes the contract. One of the two is null. Called on a thread of this package, or at once. */
  interface Receiver {
    void onContract(Contract contract, Failure failure);
  }

  /** Age from which a call of a known method fetches the contract again, without waiting for it. */
  private static final long REFRESH_MS = 10_000;

  /** Least age at which an unknown method waits for a newer contract. */
  private static final long RECENT_MS = 1_000;

  /** Most characters of a path in a message, which names the tools after it. */
  private static final int PATH_MOST = 100;

  private static final String RESULT_TYPE = Intent.TYPE_URL_PREFIX + "sealwire.system.v1.ListToolsResponse";
  private static final System.Logger LOG = System.getLogger("dev.sealwire");

  private final Connection connection;
  private volatile Contract known;
  private volatile long fetchedAtMs;
  private ListToolsResponse answer = ListToolsResponse.getDefaultInstance();
  private List<Receiver> waiting;

  ContractCache(Connection connection) {
    this.connection = connection;
  }

  /** The known contract if it has the method, so that a call need not wait; null if it must ask {@link #recent}. */
  ToolMethod knownMethod(String path, Endpoints endpoints) {
    var method = known == null ? null : known.byPath().get(path);
    return refreshed(method, endpoints);
  }

  /** Likewise by the name of the tool. */
  ToolMethod knownTool(String tool, Endpoints endpoints) {
    var method = known == null ? null : known.byTool().get(tool);
    return refreshed(method, endpoints);
  }

  private ToolMethod refreshed(ToolMethod method, Endpoints endpoints) {
    if (method != null && nowMs() - fetchedAtMs > REFRESH_MS && !isFetching()) fetch(endpoints, this::logFailure);
    return method;
  }

  /** Gives a contract that is at most a second old. */
  void recent(Endpoints endpoints, Receiver receiver) {
    var contract = known;
    if (contract != null && nowMs() - fetchedAtMs < RECENT_MS) receiver.onContract(contract, null);
    else fetch(endpoints, receiver);
  }

  /** The failure of a call of a method that is no tool. */
  static Failure notOffered(String path, Contract contract) {
    var given = path.length() > PATH_MOST ? path.substring(0, PATH_MOST - 1) + "…" : path;
    return Failure.of(ErrorReason.ERROR_REASON_TOOL_FORBIDDEN, Code.UNIMPLEMENTED,
        given + " is no tool that you may call. There are: " + contract.names());
  }

  /** Concurrent callers share one fetch. */
  private void fetch(Endpoints endpoints, Receiver receiver) {
    synchronized (this) {
      if (waiting != null) {
        waiting.add(receiver);
        return;
      }
      waiting = new ArrayList<>(List.of(receiver));
    }
    var request = ListToolsRequest.newBuilder().setIncludeDescriptors(true).build();
    var type = Intent.TYPE_URL_PREFIX + "sealwire.system.v1.ListToolsRequest";
    var intent = new Intent("list_tools", type, request.toByteString(), CallIntent.newRequestId());
    var scope = CallScope.ownOf(endpoints);
    var call = new ToolCall(connection, scope, intent, connection.options().timeoutMs(), this::onAnswer);
    scope.executor().execute(call::start);
  }

  private void onAnswer(Response response, Failure failure) {
    var fault = failure;
    if (fault == null) {
      try {
        read(response);
      } catch (FailureException e) {
        fault = e.failure();
      } catch (InvalidProtocolBufferException | RuntimeException e) {
        fault = Failure.invalid("The server's list_tools answer cannot be used: " + e.getMessage());
      }
    }
    List<Receiver> receivers;
    synchronized (this) {
      receivers = waiting;
      waiting = null;
    }
    for (var each : receivers) give(each, fault);
  }

  /** A call whose executor takes no more tasks must not keep the contract from the others. */
  private void give(Receiver receiver, Failure fault) {
    try {
      receiver.onContract(fault == null ? known : null, fault);
    } catch (RejectedExecutionException e) {
      LOG.log(Level.DEBUG, "The executor of a call is gone.", e);
    }
  }

  private void read(Response response) throws InvalidProtocolBufferException {
    if (!response.getOk()) throw new FailureException(Failure.of(response.getError()));
    if (!response.getResult().getTypeUrl().equals(RESULT_TYPE)) {
      throw new FailureException(Failure.invalid("The answer of list_tools holds no list of tools."));
    }
    var next = ListToolsResponse.parseFrom(response.getResult().getValue());
    if (known == null || !next.equals(answer)) {
      known = Contract.read(next);
      answer = next;
    }
    fetchedAtMs = nowMs();
  }

  private synchronized boolean isFetching() {
    return waiting != null;
  }

  private void logFailure(Contract contract, Failure failure) {
    if (failure == null || connection.isClosed()) return;
    LOG.log(Level.WARNING, "The server''s contract could not be fetched: {0}", failure.message());
  }

  private static long nowMs() {
    return System.nanoTime() / 1_000_000;
  }
}

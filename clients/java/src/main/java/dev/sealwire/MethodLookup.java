package dev.sealwire;

import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** Finds what a native call means in the server's contract. */
final class MethodLookup {
  /** Takes the method. One of the two is null. */
  interface Receiver {
    void onMethod(ToolMethod method, Failure failure);
  }

  private final ContractCache contracts;
  private final Endpoints endpoints;
  private final Executor executor;
  private final UnaryOperator<String> pinOf;

  /**
   * {@code executor}: runs the receiver if the contract must be fetched. {@code pinOf}: the accepted definition of a tool,
   * or null; if the known contract has another one, a newer contract is asked for.
   */
  MethodLookup(ContractCache contracts, Endpoints endpoints, Executor executor, UnaryOperator<String> pinOf) {
    this.contracts = contracts;
    this.endpoints = endpoints;
    this.executor = executor;
    this.pinOf = pinOf;
  }

  /** Finds the method behind a gRPC path, which is UNIMPLEMENTED if it is no tool. */
  void byPath(String path, Receiver receiver) {
    var known = contracts.knownMethod(path, endpoints);
    if (isUsable(known)) {
      receiver.onMethod(known, null);
      return;
    }
    recent(receiver, contract -> {
      var found = contract.byPath().get(path);
      receiver.onMethod(found, found == null ? ContractCache.notOffered(path, contract) : null);
    });
  }

  /** Finds the method of a tool. One that is not listed is called nevertheless: its server refuses it with a signature. */
  void byTool(NamedTool named, Receiver receiver) {
    var tool = named.method().tool();
    var known = contracts.knownTool(tool, endpoints);
    if (isUsable(known)) {
      receiver.onMethod(named.asListed(known), null);
      return;
    }
    recent(receiver, contract -> receiver.onMethod(named.asListed(contract.byTool().get(tool)), null));
  }

  private boolean isUsable(ToolMethod known) {
    return known != null && Pins.accepts(known, pinOf.apply(known.tool()));
  }

  private void recent(Receiver receiver, Consumer<Contract> use) {
    contracts.recent(endpoints, (contract, failure) -> executor.execute(() -> {
      if (failure != null) receiver.onMethod(null, failure);
      else use.accept(contract);
    }));
  }
}

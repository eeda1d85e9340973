package dev.sealwire;

import io.grpc.CallOptions;

/**
 * Marks a call of the explicit client, which names its tool.
 *
 * @param method what is called if the contract does not list the tool; the types are those of the caller's messages
 * @param isStart true if the call ends as soon as its job is accepted, and answers with the {@code sealwire.v1.Job}
 */
record NamedTool(ToolMethod method, boolean isStart) {
  static final CallOptions.Key<NamedTool> KEY = CallOptions.Key.create("sealwire-named-tool");

  /** Adds what the contract knows of the tool. */
  ToolMethod asListed(ToolMethod listed) {
    if (listed == null) return method;
    return new ToolMethod(method.tool(), method.inputType(), isStart ? listed.outputType() : method.outputType(),
        listed.isJob(), listed.isRepeatable(), 0, listed.definition());
  }
}

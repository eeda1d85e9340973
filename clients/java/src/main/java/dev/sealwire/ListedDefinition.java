package dev.sealwire;

import dev.sealwire.system.v1.ListToolsResponse;
import dev.sealwire.system.v1.ToolDescription;
import dev.sealwire.v1.ErrorReason;
import io.grpc.Status.Code;
import java.util.function.Supplier;

/** The definition of a tool in one list, whose digest is computed when it is asked for. */
final class ListedDefinition {
  private static final String SYSTEM = "sealwire.system.v1.";

  private final ToolDescription tool;
  private final Supplier<Declarations> declarations;
  private volatile String computed;

  ListedDefinition(ToolDescription tool, Supplier<Declarations> declarations) {
    this.tool = tool;
    this.declarations = declarations;
  }

  /** The declarations of a list, read once for all its tools. */
  static Supplier<Declarations> declarationsOf(ListToolsResponse response) {
    return new Supplier<>() {
      private Declarations read;

      @Override
      public synchronized Declarations get() {
        if (read == null) read = new Declarations(response.getDescriptorSet());
        return read;
      }
    };
  }

  /**
   * The digest to send with a call; empty if the server is of 0.1, which does not know the field. Throws FailureException
   * if the definition is not the pinned one, or if the server states the digest of another one. System tools are not
   * checked.
   */
  String toSend(String pin) {
    if (tool.getMethod().startsWith(SYSTEM)) return "";
    var digest = digest();
    if (!digest.equals(pin)) {
      var message = "The definition of " + tool.getName() + " is " + digest + ", not the accepted " + pin
          + "; the call was not sent. Look at what changed before you accept it.";
      throw new FailureException(
          Failure.of(ErrorReason.ERROR_REASON_TOOL_CHANGED, Code.FAILED_PRECONDITION, message).asNotBegun());
    }
    var stated = tool.getDefinitionDigest();
    if (stated.isEmpty() || stated.equals(digest)) return stated;
    throw invalid("The server states the definition digest " + stated + " of " + tool.getName()
        + ", but its contract gives " + digest + ".");
  }

  private String digest() {
    if (computed != null) return computed;
    try {
      computed = ToolDefinition.digest(tool, declarations.get());
      return computed;
    } catch (IllegalArgumentException e) {
      throw invalid("The definition of " + tool.getName() + " cannot be read from the list: " + e.getMessage() + ".");
    }
  }

  private static FailureException invalid(String message) {
    return new FailureException(Failure.invalid(message).asNotBegun());
  }
}

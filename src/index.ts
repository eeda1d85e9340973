/**
 * The public interface of Sealwire: client and server. What src/exports/ does not name is internal.
 */
import "./runtime/check-node.ts";

export * from "./exports/client.ts";
export * from "./exports/server.ts";

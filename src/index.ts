/** The main entry point of Sealwire: client and server. Everything that src/exports/ does not export is internal. */
import "./runtime/check-node.ts";

export * from "./exports/client.ts";
export * from "./exports/server.ts";

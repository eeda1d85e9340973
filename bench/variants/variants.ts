import type { Variant } from "./variant.ts";

/**
 * Every variant by its name. They are loaded when they are used: a server's process holds nothing of its peers, and
 * those that need no peer run without `npm ci` in this folder.
 */
export const variants = {
  http2: async () => (await import("./http2-echo.ts")).http2Echo,
  "grpc-js": async () => (await import("./grpc-js.ts")).grpcJs,
  "sealwire-sqlite": async () => (await import("./sealwire-stores.ts")).sealwireOnSqlite,
  "sealwire-memory": async () => (await import("./sealwire-stores.ts")).sealwireInMemory,
  "sealwire-unsigned": async () => (await import("./sealwire-parts.ts")).sealwireUnsigned,
  "sealwire-unvalidated": async () => (await import("./sealwire-parts.ts")).sealwireUnvalidated,
  "sealwire-replayable": async () => (await import("./sealwire-parts.ts")).sealwireReplayable,
  "sealwire-bare": async () => (await import("./sealwire-parts.ts")).sealwireBare,
  "sealwire-observed": async () => (await import("./sealwire-parts.ts")).sealwireObserved,
  "connect-node": async () => (await import("./connect-node.ts")).connectNode,
  "mcp-2": async () => (await import("./mcp-2.ts")).mcp2,
  "mcp-1": async () => (await import("./mcp-1.ts")).mcp1,
  "json-hmac": async () => (await import("./json-hmac.ts")).jsonHmac,
} satisfies Record<string, () => Promise<Variant>>;

/** Name of a variant, as the command line takes it. */
export type VariantName = keyof typeof variants;

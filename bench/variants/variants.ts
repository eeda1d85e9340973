import { SIZE_NAMES, type SizeName } from "./size-names.ts";
import type { Variant } from "./variant.ts";

type EchoName = `echo-${"grpc-js" | "sealwire"}-${SizeName}`;

/** Both servers of `sizes` at each size. */
function echoes(): Record<EchoName, () => Promise<Variant>> {
  return Object.fromEntries(
    SIZE_NAMES.flatMap((size) => [
      [`echo-grpc-js-${size}`, async () => (await import("./echo.ts")).grpcJsEcho(size)],
      [`echo-sealwire-${size}`, async () => (await import("./echo.ts")).sealwireEcho(size)],
    ]),
  ) as Record<EchoName, () => Promise<Variant>>;
}

/**
 * All variants by name. They are loaded on use, so that a server's process contains no code of other variants, and
 * variants without peers run without `npm ci` in this folder.
 */
export const variants = {
  http2: async () => (await import("./http2-echo.ts")).http2Echo,
  "grpc-js": async () => (await import("./grpc-js.ts")).grpcJs,
  "grpc-js-64-connections": async () => (await import("./grpc-js.ts")).grpcJsOverMany,
  "sealwire-sqlite": async () => (await import("./sealwire-stores.ts")).sealwireOn("sqlite"),
  "sealwire-memory": async () => (await import("./sealwire-stores.ts")).sealwireOn("memory"),
  "sealwire-postgres": async () => (await import("./sealwire-stores.ts")).sealwireOn("postgres"),
  "sealwire-stream": async () => (await import("./sealwire-stream.ts")).sealwireStream,
  "sealwire-unsigned": async () => (await import("./sealwire-parts.ts")).sealwireUnsigned,
  "sealwire-unvalidated": async () => (await import("./sealwire-parts.ts")).sealwireUnvalidated,
  "sealwire-replayable": async () => (await import("./sealwire-parts.ts")).sealwireReplayable,
  "sealwire-bare": async () => (await import("./sealwire-parts.ts")).sealwireBare,
  "sealwire-observed": async () => (await import("./sealwire-parts.ts")).sealwireObserved,
  "sealwire-once": async () => (await import("./sealwire-audited.ts")).sealwireAudited("once", "none"),
  "sealwire-once-audit": async () => (await import("./sealwire-audited.ts")).sealwireAudited("once", "kept"),
  "sealwire-once-audit-required": async () =>
    (await import("./sealwire-audited.ts")).sealwireAudited("once", "required"),
  "sealwire-repeatable": async () => (await import("./sealwire-audited.ts")).sealwireAudited("repeatable", "none"),
  "sealwire-repeatable-audit": async () =>
    (await import("./sealwire-audited.ts")).sealwireAudited("repeatable", "kept"),
  "sealwire-forwarded": async () => (await import("./forwarded.ts")).sealwireForwarded,
  "grpc-js-caller": async () => (await import("./forwarded.ts")).plainCaller,
  "sealwire-1000-clients": async () => (await import("./sealwire-grown.ts")).sealwireWithManyClients,
  "sealwire-1000-tools": async () => (await import("./sealwire-grown.ts")).sealwireWithManyTools,
  "sealwire-64-connections": async () => (await import("./sealwire-grown.ts")).sealwireOverMany,
  "sealwire-expiring": async () => (await import("./sealwire-grown.ts")).sealwireExpiring,
  "sealwire-4-connections": async () => (await import("./sealwire-processes.ts")).sealwireAlone,
  "sealwire-cluster": async () => (await import("./sealwire-processes.ts")).sealwireCluster,
  "sealwire-reuse-port": async () => (await import("./sealwire-processes.ts")).sealwireReusePort,
  "client-grpc-js": async () => (await import("./clients.ts")).grpcJsClient,
  "client-sealwire": async () => (await import("./clients.ts")).sealwireClient("SealwireClient", "auto"),
  "client-sealwire-unary": async () =>
    (await import("./clients.ts")).sealwireClient("SealwireClient, a request for each call", false),
  "client-sealwire-stream": async () =>
    (await import("./clients.ts")).sealwireClient("SealwireClient, over one stream", true),
  ...echoes(),
  "connect-node": async () => (await import("./connect-node.ts")).connectNode,
  "mcp-2": async () => (await import("./mcp-2.ts")).mcp2,
  "sealwire-mcp": async () => (await import("./bridged.ts")).sealwireBridged,
  "mcp-1": async () => (await import("./mcp-1.ts")).mcp1,
  "json-hmac": async () => (await import("./json-hmac.ts")).jsonHmac,
  "accept-sqlite": async () => (await import("./empty-job.ts")).jobAccepts("sqlite"),
  "accept-postgres": async () => (await import("./empty-job.ts")).jobAccepts("postgres"),
  "accept-bullmq-always": async () => (await import("./bullmq.ts")).bullmqAccepts("always"),
  "accept-bullmq-everysec": async () => (await import("./bullmq.ts")).bullmqAccepts("everysec"),
  "accept-pg-boss": async () => (await import("./pg-boss.ts")).pgBossAccepts,
  "done-sqlite": async () => (await import("./empty-job.ts")).jobDone("sqlite"),
  "done-postgres": async () => (await import("./empty-job.ts")).jobDone("postgres"),
  "done-bullmq-always": async () => (await import("./bullmq.ts")).bullmqDone("always"),
  "done-bullmq-everysec": async () => (await import("./bullmq.ts")).bullmqDone("everysec"),
  "settled-sqlite": async () => (await import("./empty-job.ts")).jobSettled("sqlite"),
  "settled-postgres": async () => (await import("./empty-job.ts")).jobSettled("postgres"),
} satisfies Record<string, () => Promise<Variant>>;

/** Name of a variant on the command line. */
export type VariantName = keyof typeof variants;

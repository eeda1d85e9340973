/**
 * `sealwire/server`: serves tools and runs jobs, on a server of its own or as a part of a grpc-js server of yours.
 */
import "../runtime/check-node.ts";

export { type Reason, SealwireError, type SealwireErrorOptions } from "../errors.ts";
export type { Logger } from "../runtime/logger.ts";
export { createMetrics, type Metrics } from "../server/metrics/metrics.ts";
export type { ListenOptions, ServerOptions, ServerTlsOptions, ServiceOptions } from "../server/options.ts";
export { createServer, type SealwireServer } from "../server/server.ts";
export type { ServerLimits } from "../server/server-limits.ts";
export { createService, type SealwireService } from "../server/service.ts";
export { createWorker, type SealwireWorker, type WorkerOptions } from "../server/worker.ts";
export { watchKeyRing } from "../signing/key-ring/file-key-ring.ts";
export type { KeyRingSource } from "../signing/key-ring/types.ts";
export type { Migration } from "../store/layout.ts";
export { migratePostgresStore, openPostgresStore } from "../store/postgres/open.ts";
export type { SharedStore } from "../store/postgres/shared-store.ts";
export { openSqliteStore } from "../store/sqlite/open.ts";
export type { Store } from "../store/store.ts";
export { demoTools } from "../tools/demo-tools.ts";
export { outputBytes, type ToolContext } from "../tools/handler.ts";
export { implement, type ToolImplementation } from "../tools/implement.ts";
export { failToolRun, type ToolRunOrigin } from "../tools/tool-run.ts";

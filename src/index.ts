/**
 * The public interface of Sealwire. Everything that is not named here is internal.
 */
import "./runtime/check-node.ts";

export type { CallResult } from "./client/calls/call-result.ts";
export type { ToolOutput } from "./client/calls/tool-output.ts";
export type { TypedTools } from "./client/calls/typed-tools.ts";
export { type JobPage, type ListJobsOptions, SealwireClient } from "./client/client.ts";
export type { JobHandle, PollOptions } from "./client/jobs/job-handle.ts";
export type { JobSnapshot } from "./client/jobs/job-snapshot.ts";
export type { WatchJobsOptions } from "./client/jobs/watch-jobs.ts";
export type { ClientOptions } from "./client/options.ts";
export { type Reason, SealwireError, type SealwireErrorOptions } from "./errors.ts";
export type { Logger } from "./runtime/logger.ts";
export { createMetrics, type Metrics } from "./server/metrics/metrics.ts";
export type { ListenOptions, ServerOptions, ServerTlsOptions, ServiceOptions } from "./server/options.ts";
export { createServer, type SealwireServer } from "./server/server.ts";
export type { ServerLimits } from "./server/server-limits.ts";
export { createService, type SealwireService } from "./server/service.ts";
export { createWorker, type SealwireWorker, type WorkerOptions } from "./server/worker.ts";
export { type ClientCredentials, readCredentials } from "./signing/key-ring/credentials.ts";
export { watchKeyRing } from "./signing/key-ring/file-key-ring.ts";
export type { KeyRingSource } from "./signing/key-ring/types.ts";
export type { Migration } from "./store/layout.ts";
export { migratePostgresStore, openPostgresStore } from "./store/postgres/open.ts";
export type { SharedStore } from "./store/postgres/shared-store.ts";
export { openSqliteStore } from "./store/sqlite/open.ts";
export type { Store } from "./store/store.ts";
export { demoTools } from "./tools/demo-tools.ts";
export { outputBytes, type ToolContext } from "./tools/handler.ts";
export { implement, type ToolImplementation } from "./tools/implement.ts";
export { failToolRun, type ToolRunOrigin } from "./tools/tool-run.ts";

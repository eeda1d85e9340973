/**
 * The public interface of Sealwire. Everything that is not named here is internal.
 */
export type { CallResult } from "./client/call-result.ts";
export { type JobPage, type ListJobsOptions, SealwireClient } from "./client/client.ts";
export type { JobHandle, PollOptions } from "./client/job-handle.ts";
export type { JobSnapshot } from "./client/job-snapshot.ts";
export type { ClientOptions } from "./client/options.ts";
export type { ToolOutput } from "./client/tool-output.ts";
export type { TypedTools } from "./client/typed-tools.ts";
export type { WatchJobsOptions } from "./client/watch-jobs.ts";
export { type Reason, SealwireError, type SealwireErrorOptions } from "./errors.ts";
export type { Migration } from "./jobs/layout.ts";
export { migratePostgresStore, openPostgresStore } from "./jobs/postgres/open.ts";
export type { SharedStore } from "./jobs/postgres/shared-store.ts";
export { openSqliteStore } from "./jobs/sqlite/open.ts";
export type { Store } from "./jobs/store.ts";
export type { Logger } from "./runtime/logger.ts";
export { createMetrics, type Metrics } from "./server/metrics.ts";
export type { ListenOptions, ServerOptions, ServerTlsOptions } from "./server/options.ts";
export { createServer, type SealwireServer } from "./server/server.ts";
export type { ServerLimits } from "./server/server-limits.ts";
export { createWorker, type SealwireWorker, type WorkerOptions } from "./server/worker.ts";
export { type ClientCredentials, readCredentials } from "./signing/key-ring/credentials.ts";
export type { KeyRingSource } from "./signing/key-ring/types.ts";
export { watchKeyRing } from "./signing/key-ring/watched-ring.ts";
export { demoTools } from "./tools/demo-tools.ts";
export { outputBytes, type ToolContext } from "./tools/handler.ts";
export { implement, type ToolImplementation } from "./tools/implement.ts";

/** `sealwire/server`: serves tools and runs jobs, in its own server or as part of an existing grpc-js server. */
import "../runtime/check-node.ts";

export type { AuditFigures } from "../audit/audit-log.ts";
export type { LineWriter } from "../audit/sink.ts";
export {
  type ErrorDetail,
  type FieldViolation,
  type Reason,
  SealwireError,
  type SealwireErrorOptions,
  type StatusName,
  type WireReason,
} from "../errors.ts";
export type { AttemptRecord, RecordedOutcome } from "../jobs/attempt-record.ts";
export type {
  JobEngine,
  JobHandler,
  JobHandlers,
  JobNews,
  JobRun,
  JobStats,
  ListQuery,
  SubmitSpec,
  WatchAllOptions,
  Worker,
  WorkOptions,
} from "../jobs/engine.ts";
export type { JobError, JobPolicy, JobProgress, JobState, JobView } from "../jobs/job.ts";
export type { AttemptEndKind, JobObserver } from "../jobs/worker/job-observer.ts";
export type { McpServerOptions } from "../mcp/servers/options.ts";
export { type McpServers, type OpenMcpServersOptions, openMcpServers } from "../mcp/servers/servers.ts";
export type { Clock } from "../runtime/clock.ts";
export type { Environment } from "../runtime/environment.ts";
export type { Logger } from "../runtime/logger.ts";
export type { Random } from "../runtime/random.ts";
export type { SealwireService } from "../server/assembled-service.ts";
export type { AuditOptions } from "../server/audit/options.ts";
export {
  createMetrics,
  type Metrics,
  type MetricsListenOptions,
  type MetricsOptions,
} from "../server/metrics/metrics.ts";
export type { ProcessCounter } from "../server/metrics/process-counter.ts";
export type { ListenOptions, ServerOptions, ServerTlsOptions, ServiceOptions } from "../server/options.ts";
export type { CallObserver, CallRecord, TraceIds } from "../server/request/access-log.ts";
export { createServer, type SealwireServer } from "../server/server.ts";
export type { ServerLimits } from "../server/server-limits.ts";
export { createService } from "../server/service.ts";
export { createWorker, type SealwireWorker, type WorkerOptions } from "../server/worker.ts";
export type { ChangeableKeyRing, KeyRingChange } from "../signing/key-ring/changeable-key-ring.ts";
export type { ServerSecret } from "../signing/key-ring/document.ts";
export { type WatchedRingOptions, watchKeyRing } from "../signing/key-ring/file-key-ring.ts";
export type { FollowOptions, WatchedKeyRing } from "../signing/key-ring/key-ring-watcher.ts";
export { type ServerSecretCommandOptions, serverSecretCommand } from "../signing/key-ring/server-secret-command.ts";
export type { LoadedSecrets } from "../signing/key-ring/server-secret-file.ts";
export type { ServerSecretSource } from "../signing/key-ring/server-secret-source.ts";
export type {
  AuditKey,
  KeyLimits,
  KeyRing,
  KeyRingSource,
  KeyRole,
  KeyState,
  VerificationKey,
} from "../signing/key-ring/types.ts";
export type { ClaimedKey } from "../signing/request/verify.ts";
export type { AuditHead, AuditHeads, RecordedAuditHead } from "../store/audit-heads.ts";
export type { StoreCondition } from "../store/condition.ts";
export type { InstanceInfo } from "../store/instance-info.ts";
export type { Migration } from "../store/layout.ts";
export type { AllJobsQuery, InstanceRecord, OperatorJobView, OperatorView, ToolStats } from "../store/operator-view.ts";
export type { ManageOptions } from "../store/postgres/manage.ts";
export { migratePostgresStore, type OpenPostgresStoreOptions, openPostgresStore } from "../store/postgres/open.ts";
export type { SharedRingSecrets, SharedStore } from "../store/postgres/shared-store.ts";
export { type OpenSqliteStoreOptions, openSqliteStore } from "../store/sqlite/open.ts";
export type {
  FrameWindow,
  IntentBegin,
  IntentStore,
  NonceClaim,
  ReplayGuard,
  Store,
  StoreConnections,
  StoreIdentity,
} from "../store/store.ts";
export { demoTools } from "../tools/demo-tools.ts";
export { type OutputBytes, outputBytes, type ToolContext } from "../tools/handler.ts";
export {
  type AnyHandler,
  type Handlers,
  type Input,
  implement,
  type MessageCodec,
  type MethodDefinition,
  type Output,
  type Returned,
  type ServiceDefinition,
  type ToolImplementation,
} from "../tools/implement.ts";
export type { ToolHost, ToolRunner } from "../tools/tool.ts";
export { failToolRun, type ToolRunOrigin } from "../tools/tool-run.ts";
export type { SourceContract, ToolSource } from "../tools/tool-source.ts";
export type { TracingOptions } from "../tracing/tracing.ts";
export type { AssertionOptions, UpstreamHealthMode, UpstreamOptions, UpstreamTlsOptions } from "../upstream/options.ts";
export type { UpstreamObserver } from "../upstream/upstream.ts";

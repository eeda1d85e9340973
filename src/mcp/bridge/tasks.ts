import type { CallToolResult } from "@modelcontextprotocol/server";
import type { JobSnapshot } from "../../client/jobs/job-snapshot.ts";
import { SealwireError } from "../../errors.ts";
import { isTerminal } from "../../jobs/transitions.ts";
import { faultError, RpcCode, type ToolAnswer } from "./answer.ts";
import type { Jobs, OwnJob } from "./jobs.ts";

/* Jobs as tasks, in the form of the extension for 2026-07-28 and in that of 2025-11-25. */

/** The name of the extension. */
export const TASKS_EXTENSION = "io.modelcontextprotocol/tasks";

/** The key in `_meta` by which a result names its task, in 2025-11-25. */
const RELATED_TASK = "io.modelcontextprotocol/related-task";
const POLL_INTERVAL_MS = 2_000;

/** The status of a task. */
type TaskStatus = "working" | "completed" | "failed" | "cancelled";

/** What both forms of a task share. */
interface TaskState {
  readonly [key: string]: unknown;
  readonly taskId: string;
  readonly status: TaskStatus;
  readonly statusMessage?: string;
  readonly createdAt: string;
  readonly lastUpdatedAt: string;
}

/** A task of the extension. */
export interface ModernTask extends TaskState {
  readonly ttlMs: number | null;
  readonly pollIntervalMs: number;
}

/** A task of 2025-11-25. */
export interface LegacyTask extends TaskState {
  readonly ttl: number | null;
  readonly pollInterval: number;
}

/** The task of a job that has just been started. */
export function newModernTask(job: JobSnapshot): ModernTask {
  return { ...stateOf(job, "working"), ttlMs: ttlOf(job), pollIntervalMs: POLL_INTERVAL_MS };
}

/** The task with its outcome, as `tasks/get` of the extension answers. A failure of the tool is a completed task. */
export async function modernTask(jobs: Jobs, own: OwnJob): Promise<ModernTask> {
  const { job } = own;
  const common = { ttlMs: ttlOf(job), pollIntervalMs: POLL_INTERVAL_MS };
  if (!isTerminal(job.state)) return { ...stateOf(job, "working"), ...common };
  if (job.state === "CANCELLED") return { ...stateOf(job, "cancelled"), ...common };
  const answer = await jobs.answer(own);
  if (answer.kind === "result") return { ...stateOf(job, "completed"), ...common, result: answer.result };
  return { ...stateOf(job, "failed"), ...common, statusMessage: answer.fault.message, error: answer.fault };
}

/** The task of a job, as all methods of 2025-11-25 show it. A failure of the tool is a failed task. */
export function legacyTask(job: JobSnapshot): LegacyTask {
  const status = LEGACY_STATUS[job.state];
  return { ...stateOf(job, status), ttl: ttlOf(job), pollInterval: POLL_INTERVAL_MS };
}

const LEGACY_STATUS: Readonly<Record<JobSnapshot["state"], TaskStatus>> = {
  QUEUED: "working",
  RUNNING: "working",
  SUCCEEDED: "completed",
  FAILED: "failed",
  CANCELLED: "cancelled",
};

/** The answer to `tasks/result` of 2025-11-25. */
export function legacyPayload(answer: ToolAnswer, taskId: string): CallToolResult {
  if (answer.kind === "fault") throw faultError(answer.fault);
  const { result } = answer;
  return { ...result, _meta: { ...result._meta, [RELATED_TASK]: { taskId } } };
}

/** The error of JSON-RPC for an operation on a task that failed. */
export function taskFault(thrown: unknown): unknown {
  if (!(thrown instanceof SealwireError)) return thrown;
  const { reason, message } = thrown;
  if (reason !== "JOB_NOT_FOUND") return faultError({ code: RpcCode.internal, message: `${reason}: ${message}` });
  return faultError({ code: RpcCode.invalidParams, message: "There is no such task." });
}

/** Throws the error of the extension for a client that did not declare it on this request. */
export function requireTasks(isDeclared: boolean): void {
  if (isDeclared) return;
  throw faultError({
    code: RpcCode.missingCapability,
    message: "Missing required client capability",
    data: { requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } },
  });
}

function stateOf(job: JobSnapshot, status: TaskStatus): TaskState {
  const message = job.error?.message ?? job.progress?.message;
  return {
    taskId: job.jobId,
    status,
    ...(message && { statusMessage: message }),
    createdAt: isoTime(job.createdAtMs),
    lastUpdatedAt: isoTime(job.endedAtMs ?? job.startedAtMs ?? job.createdAtMs),
  };
}

/** Until a job is over, nobody knows when it is forgotten. */
function ttlOf({ createdAtMs, expiresAtMs }: JobSnapshot): number | null {
  return expiresAtMs === undefined ? null : Math.max(0, Math.round(expiresAtMs - createdAtMs));
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

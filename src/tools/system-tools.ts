import { Any } from "../../gen/google/protobuf/any.ts";
import type { Timestamp } from "../../gen/google/protobuf/timestamp.ts";
import { SystemToolServiceDefinition } from "../../gen/sealwire/system/v1/system_tool_service.ts";
import type { Job } from "../../gen/sealwire/v1/job.ts";
import { SealwireError } from "../errors.ts";
import type { JobEngine } from "../jobs/engine.ts";
import type { JobView } from "../jobs/job.ts";
import { storeUnavailable } from "../jobs/unavailable.ts";
import type { Clock } from "../runtime/clock.ts";
import type { KeyRing, VerificationKey } from "../signing/key-ring/types.ts";
import { fromTimeMs, toTimeMs } from "../wire/duration.ts";
import { toAttemptMessage } from "./attempt-message.ts";
import type { Catalogue } from "./catalogue.ts";
import type { ToolContext } from "./handler.ts";
import { Heartbeats } from "./heartbeats.ts";
import { implement, type ToolImplementation } from "./implement.ts";
import { stateNameOf, toJobMessage } from "./job-message.ts";

/** Context of a system tool: a {@link ToolContext} with the caller's key and the right to wait. */
export interface SystemToolContext extends ToolContext {
  readonly key: VerificationKey;
  /** Address of the caller. */
  readonly peer: string;
  /** Aborts when the server drains. Waits then end early. */
  readonly drainSignal: AbortSignal;
  /** Counts towards the key's open watches until the result is disposed. Throws QUOTA_EXCEEDED. */
  openWatch(): Disposable;
}

/** Options of {@link systemTools}. */
export interface SystemToolsOptions {
  readonly version: string;
  readonly ring: () => KeyRing;
  readonly jobs: JobEngine;
  readonly clock: Clock;
  readonly catalogue: () => Catalogue;
}

/** The output of `poll_job`, `watch_job` and `cancel_job`. */
interface JobResponse {
  readonly job: Job;
  readonly output: Any | undefined;
}

const DEFAULT_HEARTBEAT_MS = 15_000;
const DEFAULT_PAGE_SIZE = 50;
/** Maximum number of attempts in an answer of `poll_job`. */
const ATTEMPTS_MAX = 10;
/** Maximum number of jobs in one message of `watch_jobs`. */
const MOST_JOBS = 100;

/** Implements the system tools, which every server has (docs/protocol.md, System tools). */
export function systemTools({ version, ring, jobs, clock, catalogue }: SystemToolsOptions): ToolImplementation {
  const heartbeats = new Heartbeats(clock);

  const answerAbout = async (job: JobView): Promise<JobResponse> => {
    const result = job.state === "SUCCEEDED" ? await jobs.result(job.owner, job.jobId) : null;
    // The result was removed after the job was read, by retention or by a failover that lost it. The client repeats the
    // call and gets the current state.
    if (job.state === "SUCCEEDED" && result === null) throw storeUnavailable(`the result of job ${job.jobId} is gone`);
    return { job: toJobMessage(job), output: result === null ? undefined : Any.decode(result) };
  };

  /** Answers by job view. All watches of a job receive the same view and share its answer. */
  const shared = new WeakMap<JobView, Promise<JobResponse>>();
  const sharedAnswerAbout = (job: JobView): Promise<JobResponse> => {
    let answer = shared.get(job);
    if (answer === undefined) {
      answer = answerAbout(job);
      shared.set(job, answer);
      // A failed answer is not cached.
      answer.catch(() => shared.delete(job));
    }
    return answer;
  };

  return implement<typeof SystemToolServiceDefinition, SystemToolContext>(SystemToolServiceDefinition, {
    serverIdentity: (_input, { key }) => ({
      serverId: ring().serverId,
      fingerprint: key.fingerprint,
      capabilities: { async: true, stateless: true },
      version,
    }),

    listTools: ({ includeDescriptors }, { key }) => catalogue().list(key, includeDescriptors),

    async pollJob({ jobId, waitMs, afterRevision, includeAttempts }, context) {
      if (waitMs > 0)
        await waitForRevision(jobs, clock, context, { jobId, waitMs, afterRevision: Number(afterRevision) });
      // Clients of 0.1 refuse an answer with a field that they do not know, so only those that ask get attempts.
      if (!includeAttempts)
        return { ...(await answerAbout(found(await jobs.get(context.clientId, jobId)))), attempts: [] };
      const { job, attempts } = found(await jobs.getWithAttempts(context.clientId, jobId, ATTEMPTS_MAX));
      return { ...(await answerAbout(job)), attempts: attempts.map(toAttemptMessage) };
    },

    async *watchJob({ jobId, afterRevision, heartbeatIntervalMs }, { clientId, signal }) {
      const changes = jobs.watch(clientId, jobId, { afterRevision: Number(afterRevision), signal });
      const intervalMs = heartbeatIntervalMs || DEFAULT_HEARTBEAT_MS;
      let sent: JobView | undefined;
      for await (const change of heartbeats.between(changes, { intervalMs })) {
        const job = change ?? found(await jobs.get(clientId, jobId));
        // A heartbeat may have sent a newer revision than this change.
        if (change !== undefined && sent !== undefined && job.revision < sent.revision) continue;
        if (sent === undefined || job.revision > sent.revision) sent = job;
        yield sharedAnswerAbout(sent);
      }
    },

    async *watchJobs({ tool, endedSince, heartbeatIntervalMs }, { clientId, signal }) {
      const left = new AbortController();
      const news = jobs.watchAll(clientId, {
        ...(tool === "" ? {} : { tool }),
        ...(endedSince === undefined ? {} : { endedSinceMs: toTimeMs(endedSince) }),
        signal: AbortSignal.any([signal, left.signal]),
      });
      const intervalMs = heartbeatIntervalMs || DEFAULT_HEARTBEAT_MS;
      let resumeTime: Timestamp | undefined;
      for await (const step of heartbeats.between(news, { intervalMs, leave: () => left.abort() })) {
        const views = step?.jobs ?? [];
        let from = 0;
        for (; views.length - from > MOST_JOBS; from += MOST_JOBS) {
          yield { jobs: views.slice(from, from + MOST_JOBS).map(toJobMessage), resumeTime };
        }
        // Only the last message completes the step.
        if (step !== undefined) resumeTime = fromTimeMs(step.resumeMs);
        yield { jobs: views.slice(from).map(toJobMessage), resumeTime };
      }
    },

    async cancelJob({ jobId }, { clientId }) {
      return answerAbout(found(await jobs.cancel(clientId, jobId)));
    },

    async listJobs({ states, tool, pageSize, pageToken }, { clientId }) {
      const page = await jobs.list({
        owner: clientId,
        states: states.map(stateNameOf),
        ...(tool === "" ? {} : { tool }),
        pageSize: pageSize || DEFAULT_PAGE_SIZE,
        ...(pageToken === "" ? {} : { pageToken }),
      });
      return { jobs: page.jobs.map(toJobMessage), nextPageToken: page.nextPageToken ?? "" };
    },
  });
}

/** Throws the same error for a missing job and for a job of another client. */
function found<T>(job: T | null): T {
  if (job !== null) return job;
  throw new SealwireError("JOB_NOT_FOUND", "No such job is visible to this client; check the job id.");
}

/** Resolves when the job has a revision above `afterRevision`, the time limit has passed or the wait is cancelled. */
async function waitForRevision(
  jobs: JobEngine,
  clock: Clock,
  context: SystemToolContext,
  { jobId, waitMs, afterRevision }: { readonly jobId: string; readonly waitMs: number; readonly afterRevision: number },
): Promise<void> {
  using _watch = context.openWatch();
  const timeUp = new AbortController();
  using _timer = clock.after(waitMs, () => timeUp.abort());
  const signal = AbortSignal.any([timeUp.signal, context.signal, context.drainSignal]);
  for await (const _change of jobs.watch(context.clientId, jobId, { afterRevision, signal })) return;
}

import { SealwireError } from "../../errors.ts";
import { JOB_STATES, type JobError, type JobState, type JobView } from "../../jobs/job.ts";
import type { OperatorActor } from "../../operator/actor.ts";
import type { JobDescription, OperatorService } from "../../operator/operator-service.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../runtime/time-span.ts";
import type { AllJobsQuery, AttemptRecord } from "../../store/operator-view.ts";
import { actorOf } from "../actor.ts";
import type { AttemptRow, CancelAnswer, FailureAnswer, JobAnswer, JobRow, JobsAnswer } from "../answers.ts";
import { textMembers, wholeNumber } from "../query.ts";
import type { Route } from "../route.ts";
import { shownText } from "../shown-text.ts";
import type { ConsoleSource } from "../source.ts";

const LIST_INTERVAL_MS = 2_000;
const JOB_INTERVAL_MS = 1_000;
const PAGE_SIZE = 50;
/** Number of jobs that one request cancels. */
const CANCELLED_MOST = 100;
/** Less than a page shows of a name, so that the end of what was cut is seen. */
const NAME_MOST = 250;
/** Time spans by their names in addresses. */
const SPANS: ReadonlyMap<string, number> = new Map([
  ["15m", 15 * MINUTE_MS],
  ["1h", HOUR_MS],
  ["24h", DAY_MS],
  ["168h", 7 * DAY_MS],
]);

/** The routes of the page Jobs. */
export function jobRoutes({ operator, clock }: ConsoleSource): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/api/jobs",
      role: "viewer",
      intervalMs: LIST_INTERVAL_MS,
      async answer(request): Promise<JobsAnswer> {
        const asked = jobsQuery(request.query, clock.nowMs());
        return jobsAnswer(asked, await operator.listJobs(actorOf(request), asked));
      },
    },
    {
      method: "GET",
      path: "/api/jobs/*",
      role: "viewer",
      intervalMs: JOB_INTERVAL_MS,
      async answer(request): Promise<JobAnswer> {
        const description = await operator.describeJob(actorOf(request), { jobId: request.name });
        return jobAnswer(description, operator.showsPayloads);
      },
    },
    {
      method: "POST",
      path: "/api/jobs/cancel",
      role: "operator",
      answer: (request) => cancelJobs(operator, { actor: actorOf(request), jobIds: jobIdsIn(request.body) }),
    },
    {
      method: "POST",
      path: "/api/jobs/*/cancel",
      role: "operator",
      async answer(request): Promise<JobRow> {
        return jobRow(await operator.cancelJob(actorOf(request), request.name));
      },
    },
  ];
}

/** Cancels jobs one after the other: each is an action of its own, also in the audit log. */
async function cancelJobs(
  operator: OperatorService,
  { actor, jobIds }: { readonly actor: OperatorActor; readonly jobIds: readonly string[] },
): Promise<CancelAnswer> {
  const counts = { cancelled: 0, stopping: 0, ended: 0 };
  for (const jobId of jobIds) {
    const job = await operator.cancelJob(actor, jobId).catch(missingJob);
    if (job?.state === "CANCELLED") counts.cancelled += 1;
    else if (job?.state === "RUNNING") counts.stopping += 1;
    else counts.ended += 1;
  }
  return counts;
}

/** A job may have been deleted since it was listed. */
function missingJob(thrown: unknown): undefined {
  if (!(thrown instanceof SealwireError && thrown.reason === "JOB_NOT_FOUND")) throw thrown;
}

function jobIdsIn(body: unknown): readonly string[] {
  const { jobIds } = (typeof body === "object" && body !== null ? body : {}) as { readonly jobIds?: unknown };
  const isList = Array.isArray(jobIds) && jobIds.length > 0 && jobIds.length <= CANCELLED_MOST;
  if (isList && jobIds.every((each) => typeof each === "string" && /^[!-~]{1,128}$/.test(each))) return jobIds;
  throw new SealwireError("ARGS_INVALID", `Send jobIds, a list of 1 to ${CANCELLED_MOST} ids of jobs.`, {
    violations: [{ field: "jobIds", ruleId: "jobIds", message: `must be a list of 1 to ${CANCELLED_MOST} ids` }],
  });
}

/** Reads a query. What it does not know is left out, so that an old address shows something. */
function jobsQuery(query: URLSearchParams, nowMs: number): AllJobsQuery {
  const states = query.getAll("state").filter((state): state is JobState => (JOB_STATES as string[]).includes(state));
  const span = SPANS.get(query.get("since") ?? "");
  // A page after the first belongs to the time from which the first was read.
  const createdSinceMs = wholeNumber(query, "from") ?? (span === undefined ? undefined : nowMs - span);
  return {
    states,
    ...textMembers(query, { tool: "tool", owner: "client", pageToken: "page" }),
    ...(createdSinceMs !== undefined && { createdSinceMs }),
    pageSize: PAGE_SIZE,
  };
}

function jobsAnswer(
  { createdSinceMs }: AllJobsQuery,
  { jobs, nextPageToken }: Awaited<ReturnType<OperatorService["listJobs"]>>,
): JobsAnswer {
  return {
    jobs: jobs.map(jobRow),
    // Only for the address of the next page: it changes at each reading.
    ...(nextPageToken !== undefined && { nextPageToken }),
    ...(nextPageToken !== undefined && createdSinceMs !== undefined && { createdSinceMs }),
  };
}

function jobAnswer({ job, attempts }: JobDescription, hasPayloads: boolean): JobAnswer {
  const { requestId, revision, expiresAtMs, traceId } = job;
  return {
    ...jobRow(job),
    ...{ requestId: shownText(requestId, NAME_MOST), revision },
    ...(expiresAtMs !== undefined && { expiresAtMs }),
    ...(traceId !== undefined && { traceId }),
    attempts: attempts.map(attemptRow),
    hasPayloads,
  };
}

function jobRow(job: JobView): JobRow {
  const { jobId, owner, tool, state, attempt, maxAttempts, cancelRequested } = job;
  const { createdAtMs, startedAtMs, endedAtMs, progress, error } = job;
  return {
    ...{
      jobId,
      client: shownText(owner, NAME_MOST),
      tool: shownText(tool, NAME_MOST),
      state,
      attempt,
      maxAttempts,
      cancelRequested,
      createdAtMs,
    },
    ...(startedAtMs !== undefined && { startedAtMs }),
    ...(endedAtMs !== undefined && { endedAtMs }),
    ...(progress !== undefined && {
      progress: { done: progress.completed, total: progress.total, message: shownText(progress.message) },
    }),
    ...(error !== undefined && { error: failure(error) }),
  };
}

function attemptRow({ attempt, instance, startedAtMs, endedAtMs, outcome, error }: AttemptRecord): AttemptRow {
  return {
    ...{ attempt, instance, startedAtMs },
    ...(endedAtMs !== undefined && { endedAtMs }),
    ...(outcome !== undefined && { outcome }),
    ...(error !== undefined && { error: failure(error) }),
  };
}

function failure({ reason, message }: Pick<JobError, "reason" | "message">): FailureAnswer {
  return { reason, message: shownText(message) };
}

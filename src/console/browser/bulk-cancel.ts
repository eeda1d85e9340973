import type { CancelAnswer, JobRow, JobsAnswer } from "../answers.ts";
import { code, problemBox, type Shown } from "./elements.ts";
import { SPANS } from "./filters.ts";
import { numberText } from "./format.ts";
import { html, nothing, type TemplateResult } from "./lit-html.js";
import type { PageContext } from "./page.ts";
import { act, problemFrom, read, type ServerProblem } from "./server.ts";

const OPEN = ["QUEUED", "RUNNING"];
/** The parameters without which no jobs are cancelled together: all jobs of all clients are never meant by mistake. */
const NARROWING = ["tool", "client", "since"];
/** Number of jobs that are cancelled together. */
const JOBS_MOST = 1_000;
/** Number of jobs in one request. */
const CHUNK = 50;

/** The open jobs that fit. */
interface Selection {
  readonly jobs: readonly JobRow[];
  /** There are further ones. */
  readonly isCut: boolean;
}

/** Cancels the open jobs that fit the filters of the page Jobs. */
export class BulkCancel {
  #isReading = false;
  #said = "";
  #problem: ServerProblem | undefined;

  /** A button, and what the last use of it came to; nothing for those who may not, and without filters. */
  render(context: PageContext): Shown {
    const { query } = context.place;
    if (context.session.role !== "operator" || !isNarrow(query)) return nothing;
    return html`<div class="bulk">
      <button type="button" class="danger" ?disabled=${this.#isReading} @click=${() => this.#ask(context)}>
        Cancel the open jobs that fit…
      </button>
      <p role="status">${this.#said}</p>
    </div>
    ${problemBox(this.#problem)}`;
  }

  async #ask(context: PageContext): Promise<void> {
    this.#isReading = true;
    this.#said = "";
    this.#problem = undefined;
    context.update();
    try {
      const selection = await readOpenJobs(context.place.query);
      if (selection.jobs.length === 0) this.#said = "No open job fits.";
      else context.ask({ ...questionOf(context.place.query, selection), run: () => this.#cancel(selection.jobs) });
    } catch (thrown) {
      this.#problem = problemFrom(thrown);
    }
    this.#isReading = false;
    context.update();
  }

  /** Queued jobs first, those that would start next before the others, so that none starts in the place of another. */
  async #cancel(jobs: readonly JobRow[]): Promise<void> {
    const oldestFirst = [...jobs].reverse();
    const isQueued = ({ state }: JobRow): boolean => state === "QUEUED";
    const ordered = [...oldestFirst.filter(isQueued), ...oldestFirst.filter((job) => !isQueued(job))];
    const jobIds = ordered.map(({ jobId }) => jobId);
    const sum = { cancelled: 0, stopping: 0, ended: 0 };
    for (let at = 0; at < jobIds.length; at += CHUNK) {
      const chunk = jobIds.slice(at, at + CHUNK);
      const answer = await act<CancelAnswer>("/api/jobs/cancel", { jobIds: chunk });
      sum.cancelled += answer.cancelled;
      sum.stopping += answer.stopping;
      sum.ended += answer.ended;
      this.#said = `${numberText(sum.cancelled)} cancelled, ${numberText(sum.stopping)} told to stop, ${numberText(sum.ended)} had already ended.`;
    }
  }
}

function isNarrow(query: URLSearchParams): boolean {
  return NARROWING.some((name) => narrows(name, query.get(name) ?? "")) && openStatesOf(query).length > 0;
}

function narrows(name: string, value: string): boolean {
  return value !== "" && (name !== "since" || SPANS.some(([span]) => span === value));
}

/** The states to cancel: those of the filter that are not ended; without a filter, both. */
function openStatesOf(query: URLSearchParams): readonly string[] {
  const chosen = query.getAll("state");
  return chosen.length === 0 ? OPEN : OPEN.filter((state) => chosen.includes(state));
}

async function readOpenJobs(query: URLSearchParams): Promise<Selection> {
  const asked = new URLSearchParams();
  for (const name of NARROWING) asked.set(name, query.get(name) ?? "");
  for (const state of openStatesOf(query)) asked.append("state", state);
  const jobs: JobRow[] = [];
  for (;;) {
    const answer = await read<JobsAnswer>(`/api/jobs?${asked}`);
    jobs.push(...answer.jobs);
    if (answer.nextPageToken === undefined) return { jobs, isCut: false };
    if (jobs.length >= JOBS_MOST) return { jobs: jobs.slice(0, JOBS_MOST), isCut: true };
    asked.set("page", answer.nextPageToken);
    asked.set("from", String(answer.createdSinceMs ?? ""));
  }
}

function questionOf(
  query: URLSearchParams,
  { jobs, isCut }: Selection,
): Omit<Parameters<PageContext["ask"]>[0], "run"> {
  const clients = [...new Set(jobs.map(({ client }) => client))];
  const tools = [...new Set(jobs.map(({ tool }) => tool))];
  const queued = jobs.filter(({ state }) => state === "QUEUED").length;
  return {
    title: `Cancel ${numberText(jobs.length)} ${jobs.length === 1 ? "job" : "jobs"}?`,
    text: html`<p>${numberText(queued)} wait, and ${numberText(jobs.length - queued)} run. They belong to ${named(clients, "clients")} and
      are of ${named(tools, "tools")}. A job that runs is told to stop. None of them can be continued.</p>
      ${isCut ? html`<p>More jobs fit. These are the newest ${numberText(JOBS_MOST)}; cancel the others after them.</p>` : nothing}
      ${query.has("page") ? html`<p>They are on all pages of the list, not on this one alone.</p>` : nothing}`,
    action: jobs.length === 1 ? "Cancel the job" : `Cancel ${numberText(jobs.length)} jobs`,
    isDestructive: true,
  };
}

function named(names: readonly string[], kind: string): TemplateResult {
  const [only = ""] = names;
  return names.length === 1 ? code(only) : html`${numberText(names.length)} ${kind}`;
}

import type { JobRow, JobsAnswer } from "../../answers.ts";
import { currentMs } from "../clock.ts";
import { code, empty, outside, pill, type Shown, table, when } from "../elements.ts";
import { spanText } from "../format.ts";
import { html, nothing, type TemplateResult } from "../lit-html.js";
import { hrefOf } from "../location.ts";
import { LivePage, type PageContext } from "../page.ts";

const STATES = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"] as const;
const SINCE: readonly (readonly [value: string, label: string])[] = [
  ["", "any time"],
  ["15m", "the last 15 minutes"],
  ["1h", "the last hour"],
  ["24h", "the last day"],
  ["168h", "the last 7 days"],
];

/** The jobs of all clients, newest first. */
export class JobsPage extends LivePage<JobsAnswer> {
  readonly title = "Jobs";

  constructor(context: PageContext) {
    super(context, `/api/jobs?${context.place.query}`);
  }

  protected show({ jobs, nextPageToken, createdSinceMs }: JobsAnswer): Shown {
    const { query } = this.context.place;
    const filters = filtersOf(query);
    const nowMs = currentMs();
    const heads = ["State", "Job", "Tool", "Client", "Created", ["Waited"], ["Ran"], ["Attempt"], "Progress"];
    return html`${this.#filters(query)}
      ${
        jobs.length === 0
          ? empty(nextPageToken === undefined ? "No job fits." : "None of the jobs that were searched fits.")
          : table(
              "Jobs",
              heads,
              jobs.map((job) => jobRow(job, nowMs)),
            )
      }
      <nav class="pager" aria-label="Pages of jobs">
        ${query.has("page") ? html`<a href=${hrefOf("/jobs", filters)}>Newest</a>` : nothing}
        ${nextPageToken === undefined ? nothing : html`<a rel="next" href=${hrefOf("/jobs", { ...filters, from: String(createdSinceMs ?? ""), page: nextPageToken })}>Older</a>`}
      </nav>`;
  }

  #filters(query: URLSearchParams): TemplateResult {
    const chosen = query.getAll("state");
    const since = query.get("since") ?? "";
    const change = (event: Event): void => {
      event.preventDefault();
      const form = (event.currentTarget as Element).closest("form");
      if (form === null) return;
      const values = new FormData(form);
      const text = (name: string): string => String(values.get(name) ?? "").trim();
      const state = values.getAll("state").map(String);
      this.context.go(hrefOf("/jobs", { state, tool: text("tool"), client: text("client"), since: text("since") }));
    };
    return html`<form class="filters" role="search" @submit=${change} @change=${change}>
      <fieldset>
        <legend>State</legend>
        ${STATES.map(
          (state) => html`<label class="check">
            <input type="checkbox" name="state" value=${state} .checked=${chosen.includes(state)}> ${state.toLowerCase()}
          </label>`,
        )}
      </fieldset>
      <label>Tool <input name="tool" autocomplete="off" spellcheck="false" .value=${query.get("tool") ?? ""}></label>
      <label>Client <input name="client" autocomplete="off" spellcheck="false" .value=${query.get("client") ?? ""}></label>
      <label>Created in
        <select name="since">${SINCE.map(([value, label]) => html`<option value=${value} ?selected=${value === since}>${label}</option>`)}</select>
      </label>
      <button type="submit">Filter</button>
      <a class="clear" href="/jobs">Clear</a>
    </form>`;
  }
}

function jobRow(job: JobRow, nowMs: number): TemplateResult {
  const { jobId, state, tool, client, createdAtMs, startedAtMs, endedAtMs, attempt, maxAttempts } = job;
  const waited = (startedAtMs ?? endedAtMs ?? nowMs) - createdAtMs;
  const ran = startedAtMs === undefined ? undefined : (endedAtMs ?? nowMs) - startedAtMs;
  return html`<tr>
    <td>${pill(state)}${job.cancelRequested && endedAtMs === undefined ? html` ${pill("cancelling", "waiting")}` : nothing}</td>
    <th scope="row"><a href=${`/jobs/${encodeURIComponent(jobId)}`}>${code(shortId(jobId))}</a></th>
    <td>${code(tool)}</td>
    <td>${code(client)}</td>
    <td>${when(createdAtMs, nowMs)}</td>
    <td class="number">${spanText(waited)}</td>
    <td class="number">${ran === undefined ? "–" : spanText(ran)}</td>
    <td class="number">${attempt} of ${maxAttempts}</td>
    <td class="wide">${progress(job)}</td>
  </tr>`;
}

/** How far a job is, or why it failed. */
function progress({ progress: made, error }: JobRow): Shown {
  if (error !== undefined) return html`${code(error.reason)} ${outside(error.message, 100)}`;
  if (made === undefined) return nothing;
  const { done, total, message } = made;
  const label = total > 0 ? `${done} of ${total}` : String(done);
  return html`${total > 0 ? html`<progress max=${total} value=${done} aria-label=${label}></progress>` : nothing}
    ${label} ${outside(message, 80)}`;
}

/** The beginning of an id, which is enough to tell jobs apart. */
function shortId(jobId: string): string {
  return jobId.length > 13 ? `${jobId.slice(0, 13)}…` : jobId;
}

function filtersOf(query: URLSearchParams): Readonly<Record<string, string | readonly string[]>> {
  const one = (name: string): string => query.get(name) ?? "";
  return { state: query.getAll("state"), tool: one("tool"), client: one("client"), since: one("since") };
}

import type { JobRow, JobsAnswer } from "../../answers.ts";
import { BulkCancel } from "../bulk-cancel.ts";
import { currentMs } from "../clock.ts";
import { code, empty, outside, pill, rows, type Shown, table, when } from "../elements.ts";
import { checkFilter, type Filters, filterForm, pager, SPANS, textFilter } from "../filters.ts";
import { spanText } from "../format.ts";
import { html, nothing, type TemplateResult } from "../lit-html.js";
import { LivePage, type PageContext } from "../page.ts";

const FILTERS: Filters = { path: "/jobs", names: ["state", "tool", "client", "since"] };
const STATES = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"] as const;

/** The jobs of all clients, newest first. */
export class JobsPage extends LivePage<JobsAnswer> {
  readonly title = "Jobs";

  constructor(context: PageContext) {
    super(context, `/api/jobs?${context.place.query}`);
  }

  readonly #bulk = new BulkCancel();

  protected show({ jobs, nextPageToken, createdSinceMs }: JobsAnswer): Shown {
    const { query } = this.context.place;
    const nowMs = currentMs();
    const heads = ["State", "Job", "Tool", "Client", "Created", ["Waited"], ["Ran"], ["Attempt"], "Progress"];
    const next = nextPageToken === undefined ? undefined : { from: String(createdSinceMs ?? ""), page: nextPageToken };
    return html`${this.#filters(query)} ${this.#bulk.render(this.context)}
      ${
        jobs.length === 0
          ? empty(nextPageToken === undefined ? "No job fits." : "None of the jobs that were searched fits.")
          : table(
              "Jobs",
              heads,
              rows(
                jobs,
                ({ jobId }) => jobId,
                (job) => jobRow(job, nowMs),
              ),
            )
      }
      ${pager(FILTERS, query, { next, isLater: query.has("page") })}`;
  }

  #filters(query: URLSearchParams): TemplateResult {
    const since = query.get("since") ?? "";
    return filterForm(
      FILTERS,
      this.context,
      html`<fieldset>
          <legend>State</legend>
          ${STATES.map((state) => checkFilter({ name: "state", value: state }, state.toLowerCase(), query))}
        </fieldset>
        ${textFilter("tool", "Tool", query)} ${textFilter("client", "Client", query)}
        <label>Created in
          <select name="since">${SPANS.map(([value, label]) => html`<option value=${value} .selected=${value === since}>${label}</option>`)}</select>
        </label>
        <button type="submit">Filter</button>
        <a class="clear" href=${FILTERS.path}>Clear</a>`,
    );
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

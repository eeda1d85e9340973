import type { AuditAnswer, AuditRow } from "../../answers.ts";
import { currentMs } from "../clock.ts";
import { code, empty, outside, pill, problemBox, rows, type Shown, table, when } from "../elements.ts";
import { type Filters, filterForm, pager, textFilter } from "../filters.ts";
import { numberText } from "../format.ts";
import { html, nothing, type TemplateResult } from "../lit-html.js";
import { LivePage, type PageContext } from "../page.ts";
import { ask, problemFrom, type ServerProblem } from "../server.ts";

const FIELDS = [
  ["client", "Client"],
  ["key", "Key"],
  ["job", "Job"],
  ["action", "Action"],
  ["outcome", "Outcome"],
  ["reason", "Reason"],
] as const;
const FILTERS: Filters = { path: "/audit", names: FIELDS.map(([name]) => name) };

const CUT =
  "The export ends before the oldest line: it has the newest 10,000 that fit, from the newest 256 MiB of the log.";

/** The audit log, newest first. */
export class AuditPage extends LivePage<AuditAnswer> {
  readonly title = "Audit";
  #problem: ServerProblem | undefined;
  /** True if there may be older lines than those of the last export. */
  #isCut = false;

  constructor(context: PageContext) {
    super(context, `/api/audit?${context.place.query}`);
  }

  protected show({ events, nextPageToken }: AuditAnswer): Shown {
    const { query } = this.context.place;
    const nowMs = currentMs();
    const heads = [["#"], "Time", "Client", "Action", "Target", "Outcome", "Reason", "From"];
    const next = nextPageToken === undefined ? undefined : { page: nextPageToken };
    return html`${this.#filters(query)} ${problemBox(this.#problem)}
      ${this.#isCut ? html`<p class="help" role="status">${CUT}</p>` : nothing}
      ${
        events.length === 0
          ? empty(nextPageToken === undefined ? "No event fits." : "None of the events that were searched fits.")
          : table(
              "Events",
              heads,
              rows(
                events,
                ({ sequence }) => sequence,
                (event) => eventRow(event, nowMs),
              ),
            )
      }
      ${pager(FILTERS, query, { next, isLater: query.has("page") })}`;
  }

  #filters(query: URLSearchParams): TemplateResult {
    return filterForm(
      FILTERS,
      this.context,
      html`${FIELDS.map(([name, label]) => textFilter(name, label, query))}
        <button type="submit">Filter</button>
        <a class="clear" href=${FILTERS.path}>Clear</a>
        <button type="button" class="quiet" @click=${this.#export}>Export as JSON lines</button>`,
    );
  }

  readonly #export = async (): Promise<void> => {
    try {
      const response = await ask(`/api/audit/export?${this.context.place.query}`, {});
      this.#isCut = response.headers.get("sealwire-export-cut") === "true";
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await response.blob());
      link.download = "audit.jsonl";
      link.click();
      URL.revokeObjectURL(link.href);
      this.#problem = undefined;
    } catch (thrown) {
      this.#problem = problemFrom(thrown);
    }
    this.context.update();
  };
}

function eventRow(event: AuditRow, nowMs: number): TemplateResult {
  const { sequence, atMs, client, keyId, action, target, outcome, reason, source, count } = event;
  return html`<tr>
    <th scope="row" class="number">${sequence}</th>
    <td>${when(atMs, nowMs)}</td>
    <td>${client === "" ? "–" : code(client)} ${keyId === "" ? nothing : html`<span class="help">${outside(keyId, 40)}</span>`}</td>
    <td>${code(action)}${count > 1 ? html` <b>× ${numberText(count)}</b>` : nothing}</td>
    <td>${target === "" ? "–" : code(target)}</td>
    <td>${pill(outcome)}</td>
    <td>${reason === "" ? "–" : code(reason)}</td>
    <td>${outside(source, 80)}</td>
  </tr>`;
}

import type { AuditAnswer, AuditRow } from "../../answers.ts";
import { currentMs } from "../clock.ts";
import { code, empty, outside, pill, problemBox, rows, type Shown, table, when } from "../elements.ts";
import { type Filters, filterForm, pager, textFilter } from "../filters.ts";
import { numberText } from "../format.ts";
import { html, nothing, type TemplateResult } from "../lit-html.js";
import { LivePage, type PageContext } from "../page.ts";
import { ask, ServerProblem } from "../server.ts";

const FILTERS: Filters = { path: "/audit", names: ["client", "action", "outcome", "reason"] };

/** The audit log, newest first. */
export class AuditPage extends LivePage<AuditAnswer> {
  readonly title = "Audit";
  #problem: ServerProblem | undefined;

  constructor(context: PageContext) {
    super(context, `/api/audit?${context.place.query}`);
  }

  protected show({ events, nextBefore }: AuditAnswer): Shown {
    const { query } = this.context.place;
    const nowMs = currentMs();
    const heads = [["#"], "Time", "Client", "Action", "Target", "Outcome", "Reason", "From"];
    const next = nextBefore === undefined ? undefined : { before: String(nextBefore) };
    return html`${this.#filters(query)} ${problemBox(this.#problem)}
      ${
        events.length === 0
          ? empty("No event fits.")
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
      ${pager(FILTERS, query, { next, isLater: query.has("before") })}`;
  }

  #filters(query: URLSearchParams): TemplateResult {
    return filterForm(
      FILTERS,
      this.context,
      html`${FILTERS.names.map((name) => textFilter(name, name, query))}
        <button type="submit">Filter</button>
        <a class="clear" href=${FILTERS.path}>Clear</a>
        <button type="button" class="quiet" @click=${this.#export}>Export as JSON lines</button>`,
    );
  }

  readonly #export = async (): Promise<void> => {
    try {
      const response = await ask(`/api/audit/export?${this.context.place.query}`, {});
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await response.blob());
      link.download = "audit.jsonl";
      link.click();
      URL.revokeObjectURL(link.href);
      this.#problem = undefined;
    } catch (thrown) {
      this.#problem = thrown instanceof ServerProblem ? thrown : new ServerProblem("INTERNAL", String(thrown));
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

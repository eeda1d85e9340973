import type { AuditAnswer, AuditRow } from "../../answers.ts";
import { currentMs } from "../clock.ts";
import { code, empty, outside, pill, problemBox, type Shown, table, when } from "../elements.ts";
import { numberText } from "../format.ts";
import { html, nothing, type TemplateResult } from "../lit-html.js";
import { hrefOf } from "../location.ts";
import { LivePage, type PageContext } from "../page.ts";
import { ask, ServerProblem } from "../server.ts";

const FILTERS = ["client", "action", "outcome", "reason"] as const;

/** The audit log, newest first. */
export class AuditPage extends LivePage<AuditAnswer> {
  readonly title = "Audit";
  #problem: ServerProblem | undefined;

  constructor(context: PageContext) {
    super(context, `/api/audit?${context.place.query}`);
  }

  protected show({ events, nextBefore }: AuditAnswer): Shown {
    const { query } = this.context.place;
    const filters = filtersOf(query);
    const nowMs = currentMs();
    const heads = [["#"], "Time", "Client", "Action", "Target", "Outcome", "Reason", "From"];
    return html`${this.#filters(query)} ${problemBox(this.#problem)}
      ${
        events.length === 0
          ? empty("No event fits.")
          : table(
              "Events",
              heads,
              events.map((event) => eventRow(event, nowMs)),
            )
      }
      <nav class="pager" aria-label="Pages of events">
        ${query.has("before") ? html`<a href=${hrefOf("/audit", filters)}>Newest</a>` : nothing}
        ${nextBefore === undefined ? nothing : html`<a rel="next" href=${hrefOf("/audit", { ...filters, before: String(nextBefore) })}>Older</a>`}
      </nav>`;
  }

  #filters(query: URLSearchParams): TemplateResult {
    const change = (event: Event): void => {
      event.preventDefault();
      const form = (event.currentTarget as Element).closest("form");
      if (form === null) return;
      const values = new FormData(form);
      const texts = FILTERS.map((name): [string, string] => [name, String(values.get(name) ?? "").trim()]);
      this.context.go(hrefOf("/audit", Object.fromEntries(texts)));
    };
    return html`<form class="filters" role="search" @submit=${change} @change=${change}>
      ${FILTERS.map(
        (name) => html`<label>${name}
          <input name=${name} autocomplete="off" spellcheck="false" .value=${query.get(name) ?? ""}></label>`,
      )}
      <button type="submit">Filter</button>
      <a class="clear" href="/audit">Clear</a>
      <button type="button" class="quiet" @click=${this.#export}>Export as JSON lines</button>
    </form>`;
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

function filtersOf(query: URLSearchParams): Readonly<Record<string, string>> {
  return Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]));
}

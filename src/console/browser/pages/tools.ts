import type { ToolRow, ToolsAnswer } from "../../answers.ts";
import { code, empty, outside, pill, rows, type Shown, table } from "../elements.ts";
import { checkFilter, type Filters, filterForm, textFilter } from "../filters.ts";
import { countText } from "../format.ts";
import { html, type TemplateResult } from "../lit-html.js";
import { LivePage, type PageContext } from "../page.ts";

const FILTERS: Filters = { path: "/tools", names: ["find", "system"], isQuick: true };

/** The catalogue of tools. */
export class ToolsPage extends LivePage<ToolsAnswer> {
  readonly title = "Tools";

  constructor(context: PageContext) {
    super(context, "/api/tools");
  }

  protected show({ tools }: ToolsAnswer): Shown {
    const { query } = this.context.place;
    const wanted = query.get("find") ?? "";
    const withSystem = query.get("system") === "show";
    const found = tools.filter((tool) => (withSystem || !tool.system) && contains(tool, wanted));
    return html`${this.#filters(query)}
      ${
        found.length === 0
          ? empty("No tool fits.")
          : table(
              "Tools",
              ["Tool", "Kind", "Effect", "What it does"],
              rows(found, ({ name }) => name, toolRow),
            )
      }
      <p class="help">${found.length} of ${countText(tools.length, "tool")}</p>`;
  }

  #filters(query: URLSearchParams): TemplateResult {
    return filterForm(
      FILTERS,
      this.context,
      html`${textFilter("find", "Find", query)}
        ${checkFilter({ name: "system", value: "show" }, "System tools", query)}
        <button type="submit">Find</button>`,
    );
  }
}

function toolRow(tool: ToolRow): TemplateResult {
  const { name, kind, effect, destructive, summary, host } = tool;
  return html`<tr>
    <th scope="row"><a href=${`/tools/${encodeURIComponent(name)}`}>${code(name)}</a></th>
    <td>${kind}</td>
    <td>${effect}${destructive ? html` ${pill("destructive", "bad")}` : ""}</td>
    <td class="wide">${outside(summary, 200)}${host === undefined ? "" : html` <span class="help">runs at ${outside(host)}</span>`}</td>
  </tr>`;
}

function contains({ name, title, summary, method }: ToolRow, wanted: string): boolean {
  return [name, title, summary, method].some((text) => text.toLowerCase().includes(wanted.toLowerCase()));
}

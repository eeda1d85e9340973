import type { ToolRow, ToolsAnswer } from "../../answers.ts";
import { code, empty, outside, pill, type Shown, table } from "../elements.ts";
import { html, type TemplateResult } from "../lit-html.js";
import { hrefOf } from "../location.ts";
import { LivePage, type PageContext } from "../page.ts";

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
    return html`${this.#filters(wanted, withSystem)}
      ${found.length === 0 ? empty("No tool fits.") : table("Tools", ["Tool", "Kind", "Effect", "What it does"], found.map(toolRow))}
      <p class="help">${found.length} of ${tools.length} tools</p>`;
  }

  #filters(find: string, withSystem: boolean): TemplateResult {
    const change = (event: Event): void => {
      event.preventDefault();
      const form = (event.currentTarget as Element).closest("form");
      if (form === null) return;
      const values = new FormData(form);
      const query = { find: String(values.get("find") ?? ""), system: values.has("system") ? "show" : "" };
      this.context.go(hrefOf("/tools", query), { replaces: true });
    };
    return html`<form class="filters" role="search" @submit=${change}>
      <label>Find <input name="find" type="search" autocomplete="off" .value=${find} @input=${change}></label>
      <label class="check"><input type="checkbox" name="system" .checked=${withSystem} @change=${change}> System tools</label>
      <button type="submit">Find</button>
    </form>`;
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

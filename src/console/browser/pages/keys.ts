import type { KeyRow, KeysAnswer } from "../../answers.ts";
import { currentMs } from "../clock.ts";
import { code, empty, outside, pill, rows, type Shown, table, when } from "../elements.ts";
import { checkFilter, type Filters, filterForm, textFilter } from "../filters.ts";
import { countText, numberText, timeText } from "../format.ts";
import { html, nothing, type TemplateResult } from "../lit-html.js";
import { LivePage, type PageContext } from "../page.ts";
import { act } from "../server.ts";

const FILTERS: Filters = { path: "/keys", names: ["client", "revoked"], isQuick: true };

/** The keys of the server, without their secrets. */
export class KeysPage extends LivePage<KeysAnswer> {
  readonly title = "Keys";

  constructor(context: PageContext) {
    super(context, "/api/keys");
  }

  protected show({ keys, isCut }: KeysAnswer): Shown {
    const { query } = this.context.place;
    const client = query.get("client") ?? "";
    const withRevoked = query.get("revoked") === "show";
    const found = keys.filter((key) => (withRevoked || key.state !== "revoked") && key.client.includes(client));
    const isOperator = this.context.session.role === "operator";
    const heads = [
      "Key",
      "Client",
      "State",
      "Validity",
      "Last used",
      "Tools",
      "Limits",
      ...(isOperator ? ["Change"] : []),
    ];
    return html`${this.#filters(query)}
      ${
        found.length === 0
          ? empty("No key fits.")
          : table(
              "Keys",
              heads,
              rows(
                found,
                ({ keyId }) => keyId,
                (key) => this.#row(key, isOperator),
              ),
            )
      }
      <p class="help">${found.length} of ${countText(keys.length, "key")}${isCut ? " and more" : ""}. The console shows no secret: a secret leaves the server once,
        when <code>sealwire keys add</code> makes it.</p>`;
  }

  #filters(query: URLSearchParams): TemplateResult {
    return filterForm(
      FILTERS,
      this.context,
      html`${textFilter("client", "Client", query)}
        ${checkFilter({ name: "revoked", value: "show" }, "Revoked keys", query)}
        <button type="submit">Filter</button>`,
    );
  }

  #row(key: KeyRow, isOperator: boolean): TemplateResult {
    const nowMs = currentMs();
    const { keyId, client, role, state, notAfterMs, lastUsedAtMs, tools, limits } = key;
    const isOver = state !== "revoked" && notAfterMs !== undefined && notAfterMs <= nowMs;
    return html`<tr>
      <th scope="row">${code(keyId)}</th>
      <td>${code(client)}${role === undefined ? nothing : html` <span class="role">${role}</span>`}</td>
      <td>${pill(isOver ? "expired" : state)}</td>
      <td>${validity(key, nowMs)}</td>
      <td>${when(lastUsedAtMs, nowMs)}</td>
      <td>${tools.length === 0 ? "system tools" : tools.map((each) => html`${code(each)} `)}</td>
      <td>${limitsText(limits)}</td>
      ${isOperator ? html`<td class="buttons">${this.#buttons(key)}</td>` : nothing}
    </tr>`;
  }

  #buttons(key: KeyRow): Shown {
    const { keyId, client, state } = key;
    if (state === "revoked") return nothing;
    const path = `/api/keys/${encodeURIComponent(keyId)}`;
    const retire = (): void =>
      this.context.ask({
        title: "Retire this key?",
        text: html`<p>The key ${code(keyId)} of ${code(client)} stays valid, and is marked as to be replaced by a newer one.</p>`,
        action: "Retire the key",
        isDestructive: false,
        run: () => act(`${path}/retire`),
      });
    const revoke = (): void =>
      this.context.ask({
        title: "Revoke this key?",
        text: html`<p>Every server refuses the key ${code(keyId)} of ${code(client)} within seconds. Its open calls and watches
          end. It can never be used again.</p>`,
        action: "Revoke the key",
        isDestructive: true,
        run: () => act(`${path}/revoke`),
      });
    return html`${state === "active" ? html`<button type="button" aria-label=${`Retire ${keyId}`} @click=${retire}>Retire…</button>` : nothing}
      <button type="button" class="danger" aria-label=${`Revoke ${keyId}`} @click=${revoke}>Revoke…</button>`;
  }
}

function validity({ notBeforeMs, notAfterMs }: KeyRow, nowMs: number): Shown {
  if (notBeforeMs !== undefined && notBeforeMs > nowMs) return html`from ${timeText(notBeforeMs)}`;
  if (notAfterMs === undefined) return html`no end`;
  return html`${notAfterMs <= nowMs ? "ended" : "ends"} ${when(notAfterMs, nowMs)}`;
}

function limitsText(limits: KeyRow["limits"]): Shown {
  const { callsPerSecond = 0, callsInFlight = 0, openJobs = 0 } = limits;
  const all = Object.entries(limits).map(([name, value]) => `${name} ${numberText(value)}`);
  return html`<span title=${all.join(", ")}>${outside(`${numberText(callsPerSecond)}/s, ${numberText(callsInFlight)} at once, ${numberText(openJobs)} jobs`)}</span>`;
}

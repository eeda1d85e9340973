import { after } from "./clock.ts";
import { repeat } from "./directives/repeat.js";
import { agoText, plainText, timeText } from "./format.ts";
import { html, nothing, type TemplateResult } from "./lit-html.js";
import type { ServerProblem } from "./server.ts";

/** Something that is shown. */
export type Shown = TemplateResult | typeof nothing;

/** A text from outside, in a direction of its own. */
export function outside(text: string, most?: number): TemplateResult {
  return html`<bdi>${plainText(text, most)}</bdi>`;
}

/** A name or id from outside. */
export function code(text: string): TemplateResult {
  return html`<code><bdi>${plainText(text, 300)}</bdi></code>`;
}

/** A time as it is from now, with the exact time as its title. "–" if there is none. */
export function when(atMs: number | undefined, nowMs: number): TemplateResult {
  if (atMs === undefined) return html`<span class="none">–</span>`;
  const exact = timeText(atMs);
  return html`<time datetime=${new Date(atMs).toISOString()} title=${exact}>${agoText(atMs, nowMs)}</time>`;
}

/** The colours of states. A state is always written, too. */
const TONES: Readonly<Record<string, string>> = {
  SUCCEEDED: "good",
  FAILED: "bad",
  LOST: "bad",
  RUNNING: "busy",
  QUEUED: "waiting",
  HANDED_BACK: "waiting",
  CANCELLED: "off",
  active: "good",
  retiring: "waiting",
  expired: "off",
  revoked: "bad",
  begun: "busy",
  accepted: "good",
  succeeded: "good",
  failed: "bad",
  cancelled: "off",
  refused: "bad",
  returned: "waiting",
  unknown: "bad",
};

/** A state, such as that of a job, an attempt or a key, or an outcome of the audit log. */
export function pill(state: string, tone = TONES[state] ?? "off"): TemplateResult {
  return html`<span class="pill ${tone}">${state.toLowerCase().replaceAll("_", " ")}</span>`;
}

/** Names with their values. Values that are `undefined` are left out. */
export function facts(rows: readonly (readonly [string, unknown])[]): TemplateResult {
  const shown = rows.filter(([, value]) => value !== undefined);
  return html`<dl class="facts">${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** A problem, which a screen reader announces. */
export function problemBox(problem: ServerProblem | undefined): Shown {
  if (problem === undefined) return nothing;
  return html`<p class="problem" role="alert"><strong>${problem.reason}</strong> ${outside(problem.message)}</p>`;
}

/** What stands in place of a list without items. */
export function empty(text: string): TemplateResult {
  return html`<p class="empty">${text}</p>`;
}

/** The head of a column; that of numbers, which end at the right, in brackets. */
export type Head = string | readonly string[];

/** The rows of a list. Each keeps its elements, and with them the focus, while others come and go. */
export function rows<T>(
  items: readonly T[],
  keyOf: (item: T) => string | number,
  row: (item: T) => TemplateResult,
): unknown {
  return repeat(items, keyOf, row);
}

/** A table that scrolls by itself where it is too wide, also by keys. */
export function table(label: string, heads: readonly Head[], body: unknown): TemplateResult {
  return html`<div class="scroll" role="region" aria-label=${label} tabindex="0">
    <table>
      <thead><tr>${heads.map((head) =>
        typeof head === "string"
          ? html`<th scope="col">${head}</th>`
          : html`<th scope="col" class="number">${head}</th>`,
      )}</tr></thead>
      <tbody>${body}</tbody>
    </table>
  </div>`;
}

/** A button that copies a text to the clipboard, and says so. */
export function copyButton(text: () => string, label: string): TemplateResult {
  const copy = async (event: Event): Promise<void> => {
    const button = event.currentTarget as HTMLButtonElement;
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select the text, and copy it";
    }
    after(2_000, () => {
      button.textContent = label;
    });
  };
  return html`<button type="button" class="quiet" @click=${copy} .textContent=${label} aria-live="polite"></button>`;
}

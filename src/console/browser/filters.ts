import { html, nothing, type TemplateResult } from "./lit-html.js";
import { hrefOf } from "./location.ts";
import type { PageContext } from "./page.ts";

/** The filters of a list, which stand in the address of its page. */
export interface Filters {
  /** Such as "/jobs". */
  readonly path: string;
  readonly names: readonly string[];
  /** True if the list follows each letter. The address is then replaced in the history. */
  readonly isQuick?: boolean;
}

/** The values of the filter `since`, with what they are called. The server lists jobs of any time for another value. */
export const SPANS: readonly (readonly [value: string, label: string])[] = [
  ["", "any time"],
  ["15m", "the last 15 minutes"],
  ["1h", "the last hour"],
  ["24h", "the last day"],
  ["168h", "the last 7 days"],
];

/** The values of filters in an address. */
export function filterValues({ names }: Filters, query: URLSearchParams): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(names.map((name) => [name, query.getAll(name)]));
}

/** A form with the fields of filters. What is chosen goes into the address, and every other parameter out of it. */
export function filterForm(
  { path, names, isQuick = false }: Filters,
  { go }: Pick<PageContext, "go">,
  fields: unknown,
): TemplateResult {
  const change = (event: Event): void => {
    event.preventDefault();
    const form = (event.currentTarget as Element).closest("form");
    if (form === null) return;
    const values = new FormData(form);
    const chosen = names.map((name) => [name, values.getAll(name).map((value) => String(value).trim())] as const);
    go(hrefOf(path, Object.fromEntries(chosen)), { replaces: isQuick });
  };
  return html`<form class="filters" role="search" @submit=${change} @change=${change}
    @input=${isQuick ? change : nothing}>${fields}</form>`;
}

/** A field for text. */
export function textFilter(name: string, label: string, query: URLSearchParams): TemplateResult {
  return html`<label>${label}
    <input name=${name} autocomplete="off" spellcheck="false" .value=${query.get(name) ?? ""}></label>`;
}

/** A box for one of the values of a filter. */
export function checkFilter(
  { name, value }: { readonly name: string; readonly value: string },
  label: string,
  query: URLSearchParams,
): TemplateResult {
  return html`<label class="check">
    <input type="checkbox" name=${name} value=${value} .checked=${query.getAll(name).includes(value)}> ${label}</label>`;
}

/** Where a list that is read by pages goes on. */
export interface Pages {
  /** The parameters of the page after this one; `undefined` if this is the last one. */
  readonly next: Readonly<Record<string, string>> | undefined;
  /** True if this is not the first page. */
  readonly isLater: boolean;
}

/** The links between the pages of a list, newest first. */
export function pager(filters: Filters, query: URLSearchParams, { next, isLater }: Pages): TemplateResult {
  const values = filterValues(filters, query);
  return html`<nav class="pager" aria-label="Pages of the list">
    ${isLater ? html`<a href=${hrefOf(filters.path, values)}>Newest</a>` : nothing}
    ${next === undefined ? nothing : html`<a rel="next" href=${hrefOf(filters.path, { ...values, ...next })}>Older</a>`}
  </nav>`;
}

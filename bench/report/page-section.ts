import { readFileSync } from "node:fs";
import { join } from "node:path";
import { markdownTable, provenance } from "./markdown.ts";
import type { Result } from "./result.ts";

const START = "<!-- bench: written by npm run bench -->\n";
const END = "<!-- /bench -->";

/** The pages that show the newest result of a bench, with the shown columns. */
export const PAGES: Readonly<Record<string, { readonly page: string; readonly columns: readonly number[] }>> = {
  calls: { page: "README.md", columns: [0, 1, 2, 3, 4, 5] },
  costs: { page: "docs/scale.md", columns: [0, 1, 2, 3, 4] },
};

/** Inserts the newest result of its bench into a page. Throws if the page has no section for it. */
export function withNewestResult(text: string, name: string): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start) throw new Error(`${PAGES[name]?.page} must hold ${START.trim()} and ${END}`);
  return `${text.slice(0, start)}${START}${section(name)}${text.slice(end)}`;
}

function section(name: string): string {
  const path = join(import.meta.dirname, "..", "results", `${name}.json`);
  const result = JSON.parse(readFileSync(path, "utf8")) as Result;
  const drawn = result.tables.find(({ title }) => title === result.chart?.title);
  const table = drawn ?? result.tables[0];
  if (table === undefined) throw new Error(`${path} has no table`);
  const chosen = PAGES[name]?.columns ?? [];
  const columns = chosen.map((index) => table.columns[index] ?? "");
  const rows = table.rows.map((row) => chosen.map((index) => row[index] ?? ""));
  return `\n${markdownTable({ columns, rows })}\n\n${provenance(result)}\n`;
}

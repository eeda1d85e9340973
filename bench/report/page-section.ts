import { readFileSync } from "node:fs";
import { join } from "node:path";
import { markdownTable, provenance } from "./markdown.ts";
import type { Result } from "./result.ts";

const START = "<!-- bench: written by npm run bench -->\n";
const END = "<!-- /bench -->";

/** A page that shows the first tables of a bench's newest result. */
export interface ShownOn {
  readonly page: string;
  readonly tables: number;
  /** Number of shown columns. Default: all. */
  readonly columns?: number;
}

/** The pages that show results. */
export const PAGES: Readonly<Record<string, ShownOn>> = {
  calls: { page: "README.md", tables: 2 },
  costs: { page: "docs/scale.md", tables: 1, columns: 5 },
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
  const { tables = 0, columns: shown } = PAGES[name] ?? {};
  const chosen = result.tables.slice(0, tables);
  if (chosen.length < tables) throw new Error(`${path} has too few tables`);
  const sections = chosen.map(({ title, columns, rows }) => {
    const table = markdownTable({ columns: columns.slice(0, shown), rows: rows.map((row) => row.slice(0, shown)) });
    return tables === 1 ? table : `${title}:\n\n${table}`;
  });
  return `\n${[...sections, provenance(result)].join("\n\n")}\n`;
}

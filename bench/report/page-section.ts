import { readFileSync } from "node:fs";
import { join } from "node:path";
import { markdownTable } from "./markdown.ts";
import type { Result } from "./result.ts";

const RESULT = join(import.meta.dirname, "..", "results", "calls.json");
const START = "<!-- bench: written by npm run bench -->\n";
const END = "<!-- /bench -->";
/** Index of each column of the calls bench that the README shows. */
const COLUMNS = [0, 1, 2, 3, 4, 5];

/** A README with the newest result of the calls bench in its place. Throws if it has no place for one. */
export function withNewestResult(readme: string): string {
  const start = readme.indexOf(START);
  const end = readme.indexOf(END);
  if (start < 0 || end < start) throw new Error(`README.md must hold ${START.trim()} and ${END}`);
  return `${readme.slice(0, start)}${START}${section()}${readme.slice(end)}`;
}

function section(): string {
  const result = JSON.parse(readFileSync(RESULT, "utf8")) as Result;
  const table = result.tables.find(({ title }) => title === result.chart?.title);
  if (table === undefined) throw new Error("results/calls.json has no table that its chart is drawn of");
  const columns = COLUMNS.map((index) => table.columns[index] ?? "");
  const rows = table.rows.map((row) => COLUMNS.map((index) => row[index] ?? ""));
  return `\n${markdownTable({ columns, rows })}\n\n${result.machine}. ${result.settings}; ${result.at.slice(0, 10)}.\n`;
}

import type { Cell, Result, Table } from "./result.ts";

/** The result page of one bench. */
export function resultPage(result: Result): string {
  const { name, title, tables, chart } = result;
  const picture = chart === undefined ? [] : [`![${chart.title}](${name}.svg)`];
  const sections = tables.map((table) => `## ${table.title}\n\n${markdownTable(table)}`);
  return [`# ${title}`, provenance(result), ...picture, ...sections].join("\n\n").concat("\n");
}

/** The provenance of results in one line: time, commit, machine, settings and command. */
export function provenance({ at, commit, machine, settings, command }: Result): string {
  const measured = commit === undefined ? at.slice(0, 10) : `${at.slice(0, 10)} at commit \`${commit}\``;
  return `Measured ${measured}. ${machine}. ${settings}. Command: \`${command}\`.`;
}

/** A table in Markdown, its numbers to three significant digits. */
export function markdownTable({ columns, rows }: Pick<Table, "columns" | "rows">): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const ruler = columns.map((_, index) => (rows.every((row) => isNumeric(row[index] ?? "")) ? "---:" : "---"));
  return [line(columns), line(ruler), ...rows.map((row) => line(row.map(formatCell)))].join("\n");
}

function isNumeric(cell: Cell): boolean {
  return cell === "" || typeof cell === "number";
}

function formatCell(cell: Cell): string {
  if (typeof cell === "string") return cell;
  if (Math.abs(cell) >= 100) return Math.round(cell).toLocaleString("en-US");
  return String(Number(cell.toPrecision(3)));
}

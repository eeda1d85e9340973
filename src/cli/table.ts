import { plainText } from "./plain-text.ts";
import type { Terminal } from "./terminal.ts";

/** Prints rows under headings, in columns as wide as their widest cell. Control characters are shown as spaces. */
export function printTable(
  terminal: Terminal,
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const cells = rows.map((row) => row.map((cell) => plainText(cell)));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => (row[column] ?? "").length)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  terminal.print(terminal.dataColors.dim(line(headings)));
  for (const row of cells) terminal.print(line(row));
}

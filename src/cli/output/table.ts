import { plainText } from "./plain-text.ts";
import type { Terminal } from "./terminal.ts";
import { displayWidth, padDisplay, unbreakablePieces, wrapText } from "./text-layout.ts";

const GAP = "  ";

/**
 * Prints rows under headings, in columns as wide as their widest cell. On a terminal that is narrower, the widest columns
 * shrink and their cells wrap between words; the first column names the row and stays whole. Where that is not enough, each
 * row is printed as a block with a line for each cell. Control characters are shown as spaces.
 */
export function printTable(
  terminal: Terminal,
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const cells = rows.map((row) => row.map((cell) => plainText(cell)));
  const columns = headings.map((heading, column) => [heading, ...cells.map((row) => row[column] ?? "")]);
  const widths = fit(columns, terminal.dataColumns ?? Number.POSITIVE_INFINITY);
  if (widths === undefined) {
    printBlocks(terminal, headings, cells);
    return;
  }
  for (const line of layOut(headings, widths)) terminal.print(terminal.dataColors.dim(line));
  for (const row of cells) for (const line of layOut(row, widths)) terminal.print(line);
}

/** The widths of the columns on a screen of `most` columns; `undefined` if there are none that leave words whole. */
function fit(columns: readonly (readonly string[])[], most: number): number[] | undefined {
  const widths = columns.map((cells) => Math.max(...cells.map(displayWidth)));
  const least = columns.map((cells, column) => (column === 0 ? (widths[0] ?? 0) : longestPiece(cells)));
  const room = most - GAP.length * (columns.length - 1);
  while (widths.reduce((sum, width) => sum + width, 0) > room) {
    const shrinkable = widths.map((width, column) => (width > (least[column] ?? 0) ? width : 0));
    const widest = shrinkable.indexOf(Math.max(...shrinkable));
    const width = shrinkable[widest] ?? 0;
    if (width === 0) return undefined;
    widths[widest] = width - 1;
  }
  return widths;
}

function longestPiece(cells: readonly string[]): number {
  return Math.max(0, ...cells.flatMap(unbreakablePieces).map(displayWidth));
}

/** The lines that one row takes. */
function layOut(row: readonly string[], widths: readonly number[]): string[] {
  const wrapped = row.map((cell, column) => wrapText(cell, widths[column] ?? 0));
  const height = Math.max(...wrapped.map((lines) => lines.length));
  return Array.from({ length: height }, (_, index) =>
    wrapped
      .map((lines, column) => padDisplay(lines[index] ?? "", widths[column] ?? 0))
      .join(GAP)
      .trimEnd(),
  );
}

function printBlocks(terminal: Terminal, headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const width = Math.max(...headings.map(displayWidth));
  for (const [index, row] of rows.entries()) {
    if (index > 0) terminal.print("");
    for (const [column, heading] of headings.entries()) {
      const value = wrapText(row[column] ?? "", (terminal.dataColumns ?? 0) - width - GAP.length);
      for (const [line, text] of value.entries()) {
        const name = terminal.dataColors.dim(padDisplay(line === 0 ? heading : "", width));
        terminal.print(`${name}${GAP}${text}`.trimEnd());
      }
    }
  }
}

import { plainText } from "./plain-text.ts";
import type { Terminal } from "./terminal.ts";
import { displayWidth, padDisplay, unbreakablePieces, wrapText } from "./text-layout.ts";

const GAP = "  ";

/**
 * Prints rows under headings, in columns as wide as their widest cell. On a narrower terminal the widest columns are
 * reduced and their cells wrapped between words, except for the first column, which identifies the row. If this is not
 * sufficient, each row is printed as a block with one line per cell. Control characters are shown as spaces.
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

/** The widths of the columns on a terminal with `most` columns; `undefined` if words would have to be broken. */
function fit(columns: readonly (readonly string[])[], most: number): number[] | undefined {
  const widths = columns.map(widest);
  const least = columns.map((cells, column) =>
    column === 0 ? (widths[0] ?? 0) : widest(cells.flatMap(unbreakablePieces)),
  );
  const room = most - GAP.length * (columns.length - 1);
  while (widths.reduce((sum, width) => sum + width, 0) > room) {
    const shrinkable = widths.map((width, column) => (width > (least[column] ?? 0) ? width : 0));
    const width = Math.max(...shrinkable);
    if (width === 0) return undefined;
    widths[shrinkable.indexOf(width)] = width - 1;
  }
  return widths;
}

/** The width of the widest text. The texts may be more than a function takes as arguments. */
function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, displayWidth(text)), 0);
}

/** The lines of one row. */
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

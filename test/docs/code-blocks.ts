/** One fenced block of a Markdown page. */
export interface CodeBlock {
  /** The word after the fence, for example "sh"; "" if there is none. */
  readonly language: string;
  /** What follows that word, for example `title="tools.ts"`. */
  readonly info: string;
  readonly text: string;
  /** The line of the opening fence, from 1. */
  readonly line: number;
  /** The headings above it, outermost first. */
  readonly headings: readonly string[];
}

/** The fenced blocks of a Markdown page, in order. Throws if one is not closed. */
export function codeBlocks(page: string): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const headings: string[] = [];
  let open: { readonly start: CodeBlock; readonly lines: string[] } | undefined;
  for (const [index, line] of page.split("\n").entries()) {
    const fence = /^```(\S*)\s*(.*)$/.exec(line);
    if (open !== undefined) {
      if (fence === null) open.lines.push(line);
      else {
        blocks.push({ ...open.start, text: `${open.lines.join("\n")}\n` });
        open = undefined;
      }
    } else if (fence !== null) {
      const [, language = "", info = ""] = fence;
      open = { start: { language, info, text: "", line: index + 1, headings: [...headings] }, lines: [] };
    } else {
      const heading = /^(#+) (.*)$/.exec(line);
      if (heading?.[1] !== undefined)
        headings.splice(heading[1].length - 1, Number.POSITIVE_INFINITY, heading[2] ?? "");
    }
  }
  if (open !== undefined) throw new Error(`the block that opens in line ${open.start.line} is not closed`);
  return blocks;
}

/** The lines of output that a block of commands announces: its comments. */
export function announcedLines({ text }: CodeBlock): readonly string[] {
  return text.split("\n").flatMap((line) => (line.startsWith("# ") ? [line.slice(2)] : []));
}

/** Those of the announced lines that an output lacks. In them "…" stands for anything, and how far they are indented for nothing. */
export function missingLines(block: CodeBlock, output: string): readonly string[] {
  const lines = output.split("\n").map((line) => line.trim());
  return announcedLines(block).filter((each) => {
    const parts = each.trim().split("…");
    const pattern = parts.map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join(".*");
    return !lines.some((line) => new RegExp(`^${pattern}$`).test(line));
  });
}

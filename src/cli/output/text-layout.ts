const GRAPHEMES = new Intl.Segmenter();
const ASCII = /^[ -~]*$/;
const WIDE =
  /\p{Emoji_Presentation}|[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303F\uFF01-\uFF60]/u;

/** Width of a text in terminal columns: two for each Chinese, Japanese or Korean character and each emoji. */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const { segment } of GRAPHEMES.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

/** Pads a text with spaces to a width. */
export function padDisplay(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - displayWidth(text)));
}

/** The pieces of a long word. It may be broken after punctuation. */
const WORD_PIECES = /[_.,/:-]*[^_.,/:-]+[_.,/:-]*|[_.,/:-]+/g;

/** The pieces of a text that must not be broken. */
export function unbreakablePieces(text: string): string[] {
  return text.split(" ").flatMap((word) => word.match(WORD_PIECES) ?? []);
}

/**
 * Wraps a text into lines of at most `width` columns. A word is broken only if it is longer than a line. A longer piece
 * without a break position is kept whole.
 */
export function wrapText(text: string, width: number): string[] {
  if (displayWidth(text) <= width) return [text];
  const lines: string[] = [];
  let line = "";
  const add = (piece: string, gap: string): void => {
    const longer = line === "" ? piece : line + gap + piece;
    if (line !== "" && displayWidth(longer) > width) {
      lines.push(line);
      line = piece;
    } else line = longer;
  };
  for (const word of text.split(" ")) {
    const pieces = displayWidth(word) <= width ? [word] : unbreakablePieces(word);
    for (const [index, piece] of pieces.entries()) add(piece, index === 0 ? " " : "");
  }
  lines.push(line);
  return lines;
}

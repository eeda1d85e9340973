/**
 * Line and column of an offset in a text, both counted from 1. The column counts UTF-16 units without a byte order
 * mark.
 */
export function lineAndColumn(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return `line ${before.split("\n").length}, column ${offset - lineStart + 1}`;
}

const SPACE = /[ \t\n\r]*/y;
/** In a JSON string every character from U+0020 on, except quotes and backslashes, is literal. */
const STRING = /"[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[ !#-[\]-\uffff]*)*"/y;
const NUMBER_OR_WORD = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)/y;

/** The tokens that are allowed next. */
type Expected = "value" | "value or end" | "name" | "name or end" | "colon" | "comma or end";

/**
 * Returns the offset of the first token that makes a text invalid JSON (RFC 8259), or the text's length if the text is
 * incomplete. For texts that `JSON.parse` refuses: its message does not always give the position.
 */
export function jsonFault(text: string): number {
  const open: ("}" | "]")[] = [];
  let expected: Expected = "value";
  let at = 0;
  const takes = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  for (;;) {
    takes(SPACE);
    const next = text[at];
    if (expected === "comma or end" && open.length === 0) return at;
    if (next !== undefined && next === open.at(-1) && expected.endsWith("or end")) {
      open.pop();
      expected = "comma or end";
      at += 1;
    } else if (expected === "comma or end") {
      if (next !== ",") return at;
      expected = open.at(-1) === "}" ? "name" : "value";
      at += 1;
    } else if (expected === "colon") {
      if (next !== ":") return at;
      expected = "value";
      at += 1;
    } else if (expected.startsWith("name")) {
      if (!takes(STRING)) return at;
      expected = "colon";
    } else if (next === "{" || next === "[") {
      open.push(next === "{" ? "}" : "]");
      expected = next === "{" ? "name or end" : "value or end";
      at += 1;
    } else {
      if (!takes(STRING) && !takes(NUMBER_OR_WORD)) return at;
      expected = "comma or end";
    }
  }
}

/** The text before the first invalid UTF-8 sequence. */
export function textBefore(bytes: Uint8Array): string {
  let [good, bad] = [0, bytes.length];
  // A prefix that ends within a character is valid so far.
  const decode = (end: number): string =>
    new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, end), { stream: true });
  while (good < bad) {
    const middle = Math.ceil((good + bad) / 2);
    try {
      decode(middle);
      good = middle;
    } catch {
      bad = middle - 1;
    }
  }
  return decode(good);
}

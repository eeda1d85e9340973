import { SealwireError } from "../../errors.ts";

/**
 * Splits a command line into words, as a shell does with quotes and backslashes, and without expanding anything. Throws
 * OPTIONS_INVALID, which names `what`, for a quote or a backslash without its end.
 */
export function commandWords(line: string, what: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] as string;
    if (quote !== "") {
      if (char === quote) quote = "";
      else if (char === "\\" && quote === '"' && /["\\]/.test(line[at + 1] ?? "")) {
        at += 1;
        word += line[at] as string;
      } else word += char;
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (char === "\\") {
      at += 1;
      if (at === line.length) throw refused(what, "ends with a backslash");
      word = (word ?? "") + (line[at] as string);
    } else word = (word ?? "") + char;
  }
  if (quote !== "") throw refused(what, `has a ${quote} without its end`);
  if (word !== undefined) words.push(word);
  return words;
}

function refused(what: string, problem: string): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `${what} ${problem}.\nQuote words with spaces, such as "a b" or 'a b'.`);
}

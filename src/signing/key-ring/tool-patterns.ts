/** The format of a pattern in a tool allow-list: a tool name, with `*` for any characters. */
export const TOOL_PATTERN = /^[a-z0-9_*]{1,128}$/;

/**
 * Compiles the patterns of an allow-list into a predicate for tool names. `*` is the only wildcard, and a pattern must
 * match the whole name. Matching takes at most time proportional to name length × pattern length.
 */
export function compileToolPatterns(patterns: readonly string[]): (tool: string) => boolean {
  const names = new Set(patterns.filter((pattern) => !pattern.includes("*")));
  const globs = patterns.filter((pattern) => pattern.includes("*")).map(compileGlob);
  return (tool) => names.has(tool) || globs.some((glob) => matches(tool, glob));
}

interface Glob {
  /** The text before the first `*`. */
  readonly head: string;
  /** The texts between the `*`s. */
  readonly inner: readonly string[];
  /** The text after the last `*`. */
  readonly tail: string;
}

function compileGlob(pattern: string): Glob {
  const [first, last] = [pattern.indexOf("*"), pattern.lastIndexOf("*")];
  const inner = pattern.slice(first, last).split("*");
  return { head: pattern.slice(0, first), inner, tail: pattern.slice(last + 1) };
}

/** Matching each inner part at its first occurrence finds a match if one exists. */
function matches(tool: string, { head, inner, tail }: Glob): boolean {
  if (!tool.startsWith(head) || !tool.endsWith(tail)) return false;
  let at = head.length;
  for (const part of inner) {
    const found = tool.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at + tail.length <= tool.length;
}

/** What a pattern of a tool allow-list may consist of: a tool's name, with `*` for any run of characters. */
export const TOOL_PATTERN = /^[a-z0-9_*]{1,128}$/;

/**
 * Compiles the patterns of an allow-list into a test for tool names. `*` is the only wildcard; a pattern covers the
 * whole name. The time of a test is at most length of name × length of pattern, whatever the pattern.
 */
export function compileToolPatterns(patterns: readonly string[]): (tool: string) => boolean {
  const names = new Set(patterns.filter((pattern) => !pattern.includes("*")));
  const globs = patterns.filter((pattern) => pattern.includes("*")).map(compileGlob);
  return (tool) => names.has(tool) || globs.some((glob) => matches(tool, glob));
}

interface Glob {
  /** What stands before the first star. */
  readonly head: string;
  /** What stands between the stars. */
  readonly inner: readonly string[];
  /** What stands after the last star. */
  readonly tail: string;
}

function compileGlob(pattern: string): Glob {
  const [first, last] = [pattern.indexOf("*"), pattern.lastIndexOf("*")];
  const inner = pattern.slice(first, last).split("*");
  return { head: pattern.slice(0, first), inner, tail: pattern.slice(last + 1) };
}

/** Taking each inner part as early as it comes finds a match if there is one. */
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

/** Tells what of a build context a `.dockerignore` keeps out. */
export interface IgnoreRules {
  /** Whether a file, by its path in the context with slashes, is sent to the build. */
  letsIn(path: string): boolean;
}

/**
 * Reads a `.dockerignore` by Docker's rules: the last line that fits a path or a folder above it decides, and one that
 * begins with "!" lets in.
 */
export function readIgnoreRules(text: string): IgnoreRules {
  const lines = text.split("\n").map((line) => line.trim());
  const rules = lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ letsIn: line.startsWith("!"), fits: patternOf(line.replace(/^!/, "").replace(/^\/|\/$/g, "")) }));
  return {
    letsIn(path) {
      const parts = path.split("/");
      const places = parts.map((_, index) => parts.slice(0, index + 1).join("/"));
      const last = rules.findLast(({ fits }) => places.some((place) => fits.test(place)));
      return last === undefined || last.letsIn;
    },
  };
}

function patternOf(line: string): RegExp {
  const source = line.replaceAll(/\*\*\/|\*\*|[*?]|[.+^${}()|[\]\\]/g, (special) => {
    if (special === "**/") return "(?:.*/)?";
    if (special === "**") return ".*";
    if (special === "*") return "[^/]*";
    return special === "?" ? "[^/]" : `\\${special}`;
  });
  return new RegExp(`^${source}$`);
}

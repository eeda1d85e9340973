import { registerHooks } from "node:module";

const SOURCES = new URL("../../../src/", import.meta.url).href;

/**
 * Replaces imported modules under src/, to leave out a part without a switch in the product. `replacements`: paths
 * below src/ and below this folder.
 */
export function replaceModules(replacements: Readonly<Record<string, string>>): { readonly checkUsed: () => void } {
  const unused = new Set(Object.keys(replacements));
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const resolved = nextResolve(specifier, context);
      const path = resolved.url.startsWith(SOURCES) ? resolved.url.slice(SOURCES.length) : "";
      const replacement = replacements[path];
      if (replacement === undefined) return resolved;
      unused.delete(path);
      return { ...resolved, url: new URL(replacement, import.meta.url).href };
    },
  });
  return {
    checkUsed() {
      if (unused.size > 0) throw new Error(`nothing imports ${[...unused].join(", ")} any more; what was measured?`);
    },
  };
}
